"""Sets of messages by name: a corpus, a part of it, generated messages, feedback, or a file of one's own."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from pipeline.errors import ConfigError
from training import corpora
from training.dedupe import uci_split
from training.examples import Example
from training.feedback import feedback_examples
from training.synthetic.generator import generate

GENERATED, SEED = 10_000, 2012  #: messages of a generated set, and the seed of its train part
DATABASE = "DATABASE_URL"

NAMES = f"{', '.join(corpora.CORPORA)}, uci:train, uci:test, synthetic:train, synthetic:heldout, feedback"


def read_set(name: str, generated: int = GENERATED) -> list[Example]:
    """The messages of a set.

    Args:
        name: one of NAMES, or the path of a file: .csv with a column text, or .jsonl with a key text.
        generated: size of a generated set.

    Raises:
        ConfigError: there is no such set, or what it is read from is missing or malformed.
        Unavailable: Postgres is down or too slow.
    """
    match name:
        case "uci:train":
            return uci_split(corpora.load("uci")).train
        case "uci:test":
            return uci_split(corpora.load("uci")).test
        case "synthetic:train":
            return generate(generated, SEED, "train")
        case "synthetic:heldout":
            return generate(generated, SEED + 1, "heldout")
        case "feedback":
            return feedback_examples(database_url())
        case _ if name in corpora.CORPORA:
            return corpora.load(name)
    return read_file(Path(name))


def read_file(path: Path) -> list[Example]:
    """Unlabelled messages of a CSV or JSONL file.

    Raises:
        ConfigError: no such file, or it is malformed; names the line.
    """
    if path.suffix not in _FORMATS or not path.is_file():
        raise ConfigError(f"{str(path)!r} is neither a set ({NAMES}) nor a .csv or .jsonl file")
    try:
        texts = list(_FORMATS[path.suffix](path))
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8") from None
    return [Example(text=text, source=path.stem) for text in texts if text.strip()]


def _csv(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if "text" not in (rows.fieldnames or ()):
            raise ConfigError(f"{path} has no column text")
        for row in rows:
            if row["text"] is None:
                raise ConfigError(f"{path}, line {rows.line_num}: the row is too short")
            yield row["text"]


class _Line(msgspec.Struct, frozen=True):
    text: str


def _jsonl(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=_Line).text
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise ConfigError(f"{path}, line {number}: not an object with a key text") from None


_FORMATS = {".csv": _csv, ".jsonl": _jsonl}


def database_url() -> str:
    url = os.environ.get(DATABASE)
    if not url:
        raise ConfigError(f"{DATABASE} is not set; it names the database that holds the feedback")
    return url
