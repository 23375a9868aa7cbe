"""Messages with an intent, to teach and to judge with: no judged message resembles a taught one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from pipeline.errors import ConfigError
from pipeline.types import INTENTS
from training.corpora import CORPORA, load, training_examples
from training.dedupe import folds, grouped, without_twins
from training.examples import Example, labelled
from training.feedback import feedback_examples
from training.lora.prompt import user_message
from training.lora.settings import DataSettings
from training.sets import database_url
from training.synthetic.generator import generate

GRAMMAR = "grammar, held out"


class LoraData(msgspec.Struct, frozen=True):
    taught: list[Example]
    judged: dict[str, list[Example]]  #: by set


def gather(settings: DataSettings) -> LoraData:
    """All rows of a run; the same settings and files give the same.

    Raises:
        ConfigError: a set is missing or malformed, or may not be trained on.
        Unavailable: Postgres is asked for feedback, and is down.
    """
    taught = _some(generate(settings.generated, settings.seed, "train"), settings.most)
    judged = {GRAMMAR: _some(generate(settings.held, settings.seed + 1, "heldout"), settings.held_most)}
    for name in settings.sets:
        mine, held = _divide(_read(name), settings)
        taught += mine
        judged[f"{Path(name).stem}, held out"] = held
    judged |= {name: labelled(load(name), "intent") for name in settings.judged}
    known = [example for rows in judged.values() for example in rows]
    return LoraData(without_twins(_distinct(taught), known), {name: rows for name, rows in judged.items() if rows})


def read_labelled(path: Path) -> list[Example]:
    """Messages of a JSON lines file: text, intent, and sender where it is known; other keys are passed over.

    Raises:
        ConfigError: no such file, or a line is malformed or names no known intent; names the line.
    """
    if path.suffix != ".jsonl" or not path.is_file():
        raise ConfigError(f"{str(path)!r} is neither feedback, nor a corpus ({', '.join(CORPORA)}), nor a .jsonl file")
    lines = enumerate(path.read_bytes().splitlines(), 1)
    return [_example(path, number, line) for number, line in lines if line.strip()]


class _Line(msgspec.Struct, frozen=True):
    text: str
    intent: str
    sender: str = ""


def _example(path: Path, number: int, line: bytes) -> Example:
    try:
        row = msgspec.json.decode(line, type=_Line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigError(f"{path}, line {number}: not an object with the keys text and intent") from None
    if row.intent not in INTENTS:
        raise ConfigError(f"{path}, line {number}: intent is none of {', '.join(INTENTS)}")
    return Example(text=row.text, sender=row.sender, intent=row.intent, source=path.stem)


def _read(name: str) -> list[Example]:
    if name == "feedback":
        return labelled(feedback_examples(database_url()), "intent")
    return labelled(training_examples([name]), "intent") if name in CORPORA else read_labelled(Path(name))


def _divide(examples: Sequence[Example], settings: DataSettings) -> tuple[list[Example], list[Example]]:
    """Taught and judged part, by near-duplicate group."""
    together = grouped(_distinct(examples))
    parts = folds([example.group for example in together], round(1 / settings.held_share), settings.seed)
    pairs = list(zip(together, parts, strict=True))
    return [example for example, part in pairs if part], [example for example, part in pairs if not part]


def _some(examples: Iterable[Example], most: int) -> list[Example]:
    """The first distinct messages of each intent, at most so many."""
    counts: Counter[str | None] = Counter()
    chosen = []
    for example in _distinct(labelled(examples, "intent")):
        counts[example.intent] += 1
        if counts[example.intent] <= most:
            chosen.append(example)
    return chosen


def _distinct(examples: Iterable[Example]) -> list[Example]:
    """The first of those that are one message to the model."""
    seen: dict[str, Example] = {}
    for example in examples:
        seen.setdefault(user_message(example.text, example.sender), example)
    return list(seen.values())
