"""Labelled messages to evaluate with: a public corpus, generated ones, or a file of one's own."""

from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import msgspec

from deployments.cli.messages import format_of, rows_of_csv
from pipeline.errors import ConfigError, InvalidField
from pipeline.types import INTENTS, NOT_OTP
from training import corpora
from training.dedupe import uci_split
from training.examples import Example
from training.synthetic import generate

SYNTHETIC = "synthetic"  #: the name of the generator's held-out split among the corpora
SYNTHETIC_ROWS = 6_000

_SEED = 2030  #: models are calibrated on the held-out split of another seed
_TASKS = ("spam", "phishing", "otp")
_LABELLING = ("label", *_TASKS, "intent")
_YES = dict.fromkeys(("1", "true", "yes"), True) | dict.fromkeys(("0", "false", "no"), False)
#: What one word in a column `label` says of the tasks; it says nothing of those that it does not name.
_LABELS: dict[str, dict[str, Any]] = {
    **{word: {"spam": True} for word in ("spam", "1", "true")},
    **{word: {"spam": True, "phishing": True} for word in ("phishing", "smishing")},
    **{word: {"spam": False, "phishing": False} for word in ("ham", "0", "false")},
    "otp": {"spam": False, "phishing": False, "otp": True},
    **{intent.lower(): {"otp": intent != NOT_OTP, "intent": intent} for intent in INTENTS},
}


def from_corpus(name: str, synthetic: int = SYNTHETIC_ROWS) -> list[Example]:
    """What no model was trained on: the test part of UCI, an evaluation-only corpus, held-out generated wordings.

    Args:
        name: of a corpus, or "synthetic".
        synthetic: how many messages to generate.

    Raises:
        ConfigError: the corpus is not there, or models were trained on it.
    """
    if name == SYNTHETIC:
        examples = generate(synthetic, _SEED, "heldout")
    elif name == "uci":
        examples = uci_split(corpora.load(name)).test
    elif corpora.find(name).uses == {"evaluate"}:
        examples = corpora.load(name)
    else:
        raise ConfigError(f"models were trained on {name!r}; figures on it would flatter")
    return [example for example in examples if _is_labelled(example)]


def from_file(file: BinaryIO) -> list[Example]:
    """Messages of a file in JSON lines (by its name), else in CSV.

    Each has a text and at least one of label (spam, ham, phishing, otp, an intent …), spam, phishing, otp (yes or no)
    and intent; sender, country and kind where they are known.

    Raises:
        InvalidField: a column is missing, or a label is unknown; names the line.
    """
    is_json = format_of(file.name) == "jsonl"
    rows = _json_lines(file) if is_json else rows_of_csv(file, "text")
    return [_example(number, row) for number, row in rows]


def _example(number: int, row: dict[str, Any]) -> Example:
    known: dict[str, Any] = dict(_labels(number, row))
    for task in _TASKS:
        if (word := _word(row, task)) != "":
            known[task] = _one_of(_YES, word, number, task)
    if known.get("phishing") is True:
        known.setdefault("spam", True)
    if (intent := _word(row, "intent").upper()) != "":
        known["intent"] = _one_of(dict.fromkeys(INTENTS, intent), intent, number, "intent")
    facts: dict[str, Any] = _facts(row)
    example = Example(text=_text(number, row), source="file", **known, **facts)
    if not _is_labelled(example):
        raise InvalidField(f"line {number}: has no label; name it in one of {', '.join(_LABELLING)}", field="label")
    return example


def _labels(number: int, row: dict[str, Any]) -> dict[str, Any]:
    word = _word(row, "label")
    return _one_of(_LABELS, word, number, "label") if word else {}


def _one_of(known: dict[str, Any], word: str, number: int, field: str) -> Any:
    if word not in known:
        raise InvalidField(f"line {number}: the {field} is none of {', '.join(known)}", field=field)
    return known[word]


def _word(row: dict[str, Any], field: str) -> str:
    """A cell as lower-case word, "" where there is none; numbers and truth values of JSON are written out."""
    value = row.get(field)
    return "" if value is None else str(value).strip().lower()


def _text(number: int, row: dict[str, Any]) -> str:
    text = row.get("text")
    if not isinstance(text, str):
        raise InvalidField(f"line {number}: has no text", field="text")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidField(f"line {number}: is not UTF-8", field="text") from None
    return text


def _facts(row: dict[str, Any]) -> dict[str, str]:
    return {field: str(row[field]) for field in ("sender", "country", "kind") if row.get(field)}


def _json_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise InvalidField(f"line {number}: is not a JSON object") from None


def _is_labelled(example: Example) -> bool:
    return any(getattr(example, field) is not None for field in (*_TASKS, "intent"))
