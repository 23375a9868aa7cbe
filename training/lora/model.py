"""The frozen base with its tokenizer, and the adapter on it: made, saved, loaded, merged."""

from pathlib import Path
from typing import Any

import msgspec
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline.errors import ConfigError
from training.lora.prompt import APPENDIX
from training.lora.settings import AdapterSettings, Form

WEIGHTS = "adapter_model.safetensors"


class Language(msgspec.Struct, frozen=True):
    """A causal language model of transformers, with or without an adapter, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_base(base: str, form: Form = "base") -> Language:
    """A base of the model hub or a local folder: bfloat16 on a GPU where there is one, else float32.

    Args:
        base: name or folder.
        form: whose chat template the tokenizer gets.

    Raises:
        ConfigError: there is none of that name, it cannot be reached, or its tokenizer has no chat template.
    """
    gpu = torch.cuda.is_available()
    try:
        tokenizer = AutoTokenizer.from_pretrained(base)
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16 if gpu else torch.float32)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"base {base}: no causal language model there ({type(error).__name__}); give a hub name or a folder"
        ) from None
    if form == "appendix":
        tokenizer.chat_template = APPENDIX
    if not tokenizer.chat_template:
        raise ConfigError(f"base {base}: its tokenizer has no chat template; an instruct model has one")
    return Language(model.to("cuda" if gpu else "cpu"), tokenizer)


def with_adapter(base: Language, settings: AdapterSettings, seed: int) -> Language:
    """The base with a fresh adapter, which changes nothing yet; the adapter's weights alone can be trained.

    Raises:
        ConfigError: the base lacks a module that the settings name.
    """
    torch.manual_seed(seed)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.modules),
    )
    missing = [name for name in settings.modules if not _has(base.model, name)]
    if missing:
        raise ConfigError(f"the base has no module called {', '.join(missing)}")
    return Language(get_peft_model(base.model, config), base.tokenizer)


def save_adapter(language: Language, folder: Path) -> None:
    """In peft's format, with the tokenizer and its chat template."""
    language.tokenizer.save_pretrained(folder)
    language.model.save_pretrained(folder)


def load_adapter(base: Language, folder: Path) -> Language:
    """The base with a saved adapter and the tokenizer that it was taught with.

    Raises:
        ConfigError: the folder holds no adapter, or one of another base.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = PeftModel.from_pretrained(base.model, str(folder))
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"{folder}: no adapter of this base ({type(error).__name__})") from None
    return Language(model.eval(), tokenizer)


def save_merged(language: Language, folder: Path) -> None:
    """One plain model, for servers that know no adapters. The adapter is no longer apart afterwards."""
    language.tokenizer.save_pretrained(folder)
    language.model.merge_and_unload().save_pretrained(folder)


def _has(model: torch.nn.Module, name: str) -> bool:
    return any(path.rpartition(".")[2] == name for path, _ in model.named_modules())
