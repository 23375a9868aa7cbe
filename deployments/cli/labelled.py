"""Labelled messages to evaluate a server with: a public corpus, or a file of one's own."""

from typing import BinaryIO

from deployments.cli.messages import rows_of_csv
from deployments.evaluation import Labelled
from pipeline.errors import ConfigError, InvalidField
from training import corpora
from training.dedupe import uci_split

_LABELS = dict.fromkeys(("spam", "phishing", "smishing", "1", "true"), True) | dict.fromkeys(
    ("ham", "otp", "0", "false"), False
)


def from_corpus(name: str) -> list[Labelled]:
    """The part of a corpus that no model was trained on: the test part of UCI, or all of an evaluation-only one.

    Raises:
        ConfigError: the corpus is not there, or models were trained on it.
    """
    uses = corpora.find(name).uses
    if name == "uci":
        examples = uci_split(corpora.load("uci")).test
    elif uses == {"evaluate"}:
        examples = corpora.load(name)
    else:
        raise ConfigError(f"models were trained on {name!r}; figures on it would flatter")
    return [Labelled(e.text, e.spam, e.sender) for e in examples if e.spam is not None]


def from_csv(file: BinaryIO) -> list[Labelled]:
    """Rows of a CSV file with the columns text and label, and sender where there is one.

    Raises:
        InvalidField: a column is missing, or a label is unknown; names the line.
    """
    return [_labelled(number, row) for number, row in rows_of_csv(file, "text", "label")]


def _labelled(number: int, row: dict[str, str]) -> Labelled:
    spam = _LABELS.get(row.get("label", "").strip().lower())
    if spam is None:
        raise InvalidField(f"line {number}: the label is none of {', '.join(_LABELS)}", field="label")
    return Labelled(row["text"], spam, row.get("sender", ""))
