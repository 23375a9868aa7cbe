"""A base of the same architecture that fits in a test: random weights, a tokenizer of its own.

It shows that the recipe runs from end to end where no model hub is reached. What it answers is worth nothing.
"""

from pathlib import Path

import msgspec
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from pipeline.types import INTENTS
from training.lora.prompt import answer, messages
from training.lora.settings import DataSettings, LoraSettings
from training.synthetic.generator import generate

_TURN = "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
_CHAT = f"{{% for message in messages %}}{_TURN}{{% endfor %}}{{{{ '<|im_start|>assistant\n' }}}}"
_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
_VOCABULARY, _TEXTS, _SEED = 1_200, 600, 2012


def make_tiny_base(folder: Path) -> Path:
    """Write a whole model folder, the same on every run; returns it."""
    tokenizer = _tokenizer()
    torch.manual_seed(_SEED)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2_048,
        tie_word_embeddings=True,
        initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Qwen2ForCausalLM(config)
    # Far apart, so that a frozen random base can favour one token over all others at all.
    torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tiny_settings(settings: LoraSettings, base: Path) -> LoraSettings:
    """The same recipe in half a minute: it learns a few rows by heart, at a rate at which random weights learn."""
    tuning = msgspec.structs.replace(settings.tuning, epochs=40, rate=1e-2, rows=9, at_once=9)
    data = DataSettings(generated=1_500, most=4, held=600, held_most=2)
    return msgspec.structs.replace(settings, base=str(base), data=data, tuning=tuning)


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE of the grammar's messages and the prompt, with the marks of Qwen's."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    chats = [messages(example.text, example.sender) for example in generate(_TEXTS, _SEED, "train")]
    bpe.train_from_iterator([*(part["content"] for chat in chats for part in chat), *map(answer, INTENTS)], trainer)
    padding, _, end = _SPECIAL
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=end, pad_token=padding, chat_template=_CHAT)
