"""What a model answers when it may only choose among the nine, and what it would write unbidden."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.types import INTENTS, NOT_OTP
from training.evaluation.figures import intent_figures
from training.evaluation.judged import Judged
from training.evaluation.results import IntentFigures
from training.examples import Example
from training.lora.model import Language
from training.lora.prompt import Prompts
from training.progress import Progress


class Choice(msgspec.Struct, frozen=True):
    """The answer to one message."""

    scores: NDArray[np.float64]  #: float64[9] log-probabilities of the answers of INTENTS, whole, with their end
    written: str | None  #: the label that the model writes if nothing holds it to one; None: something else

    @property
    def label(self) -> str:
        return INTENTS[int(np.argmax(self.scores))]


class Judgement(msgspec.Struct, frozen=True):
    """How right the choices are, and how many messages get a readable answer if nothing holds the model to the nine."""

    intents: IntentFigures
    readable: float  #: share 0-1


def choose(language: Language, texts: Sequence[str], senders: Sequence[str]) -> list[Choice]:
    """The choice for each message. The prompt is read once, the nine answers side by side."""
    prompts = Prompts(language.tokenizer)
    progress = Progress("judging", len(texts))
    choices = []
    for text, sender in zip(texts, senders, strict=True):
        choices.append(_choose(language.model, prompts.encode(text, sender), prompts.answers))
        progress.advance(len(choices))
    progress.close()
    return choices


def judge(language: Language, name: str, examples: Sequence[Example]) -> Judgement:
    """Figures of a set of messages with an intent."""
    choices = choose(language, [example.text for example in examples], [example.sender for example in examples])
    pairs = zip(examples, choices, strict=True)
    rows = [_judged(name, i, example, choice.label) for i, (example, choice) in enumerate(pairs)]
    figures = intent_figures(rows)
    assert figures, "every row has an intent and an answer"
    return Judgement(figures, sum(choice.written is not None for choice in choices) / len(choices))


def _judged(name: str, index: int, example: Example, label: str) -> Judged:
    otp = label != NOT_OTP
    return Judged(set=name, index=index, intent=example.intent, is_otp=otp, otp_intent=label if otp else None)


def _choose(model: Any, prompt: list[int], answers: list[list[int]]) -> Choice:
    width = max(map(len, answers))
    padded = torch.tensor([ids + [0] * (width - len(ids)) for ids in answers], device=model.device)
    counts = torch.tensor([[i < len(ids) for i in range(width)] for ids in answers], device=model.device)
    with torch.inference_mode():
        read = model(torch.tensor([prompt], device=model.device), use_cache=True, logits_to_keep=1)
        memory = read.past_key_values
        memory.batch_repeat_interleave(len(answers))
        # What stands behind the end of a shorter answer changes nothing before it.
        following = model(padded[:, :-1], past_key_values=memory, use_cache=True).logits
        logits = torch.cat([read.logits.expand(len(answers), -1, -1), following], dim=1).float()
        likely = logits.log_softmax(-1).gather(-1, padded[..., None])[..., 0]
        favoured = (logits.argmax(-1) == padded) | ~counts
    scores = (likely * counts).sum(-1).double().cpu().numpy()
    unbidden = [label for label, whole in zip(INTENTS, favoured.all(-1).tolist(), strict=True) if whole]
    return Choice(scores, unbidden[0] if unbidden else None)
