"""Every step from messages to a judged adapter. A step whose result is in the output folder is not done again."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from pipeline.errors import ConfigError
from pipeline.types import INTENTS
from training.checkpoint import same_inputs
from training.examples import Example
from training.lora.card import METRICS, Metrics, write_card
from training.lora.data import LoraData, gather
from training.lora.judging import Judgement, judge
from training.lora.model import Language, load_adapter, load_base, save_adapter, save_merged, with_adapter
from training.lora.prompt import Prompts, user_message
from training.lora.settings import LoraSettings
from training.lora.tuning import Lesson, tune

ADAPTER, MERGED, STATE = "adapter", "merged", "state"
_ENDS = 5  #: steps at either end whose mean loss is reported


class Taught(msgspec.Struct, frozen=True):
    """What there was to teach, and how it went."""

    rows: int
    too_long: int
    losses: list[float]  #: of each step


def run(settings: LoraSettings, out: Path, *, merged: bool = False) -> Path:
    """Teach, save and judge; the adapter's folder.

    Args:
        settings: see there.
        out: for state and results.
        merged: also write base and adapter as one model.

    Raises:
        ConfigError: base or data are missing, or the folder holds the state of other settings or data.
    """
    data = gather(settings.data)
    same_inputs(out / STATE, settings, [f"{e.intent} {user_message(e.text, e.sender)}" for e in data.taught])
    folder = out / ADAPTER
    if not (folder / METRICS).exists():
        base = load_base(settings.base, settings.form)
        before = _judge_all(base, data)
        language, taught = teach(base, settings, data.taught, out)
        write_card(folder, settings, data, _metrics(settings, language, taught, before, _judge_all(language, data)))
    if merged:
        save_merged(load_adapter(load_base(settings.base), folder), out / MERGED)
    return folder


def teach(base: Language, settings: LoraSettings, examples: Sequence[Example], out: Path) -> tuple[Language, Taught]:
    """The base with a taught adapter, which is saved below `out`; goes on where an earlier run was cut off.

    Raises:
        ConfigError: no example is short enough.
    """
    prompts = Prompts(base.tokenizer)
    lessons = [_lesson(prompts, example) for example in examples]
    short = [lesson for lesson in lessons if len(lesson) <= settings.tuning.max_tokens]
    if not short:
        raise ConfigError(f"none of {len(lessons)} rows fits tuning.max_tokens, {settings.tuning.max_tokens}")
    language = with_adapter(base, settings.adapter, settings.tuning.seed)
    losses = tune(language.model, short, settings.tuning, out / STATE)
    save_adapter(language, out / ADAPTER)
    return language, Taught(len(short), len(lessons) - len(short), losses)


def _lesson(prompts: Prompts, example: Example) -> Lesson:
    assert example.intent, "only labelled examples are gathered"
    return Lesson(prompts.encode(example.text, example.sender), prompts.answers[INTENTS.index(example.intent)])


def _judge_all(language: Language, data: LoraData) -> dict[str, Judgement]:
    language.model.eval()
    return {name: judge(language, name, examples) for name, examples in data.judged.items()}


def _metrics(
    settings: LoraSettings,
    language: Language,
    taught: Taught,
    before: dict[str, Judgement],
    after: dict[str, Judgement],
) -> Metrics:
    return Metrics(
        base=settings.base,
        parameters=sum(p.numel() for p in language.model.parameters() if p.requires_grad),
        rows=taught.rows,
        too_long=taught.too_long,
        first_loss=float(np.mean(taught.losses[:_ENDS])),
        last_loss=float(np.mean(taught.losses[-_ENDS:])),
        before=before,
        after=after,
    )
