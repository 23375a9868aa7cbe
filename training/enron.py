"""Short e-mails of the Enron-Spam corpus (Metsis, Androutsopoulos, Paliouras 2006): ham and spam that read like SMS.

The user names its place, either the preprocessed form, folders enron1 to enron6 of ham/*.txt and spam/*.txt whose
first line is the subject, or the one CSV file with the columns Subject, Message and Spam/Ham.
"""

import csv
import io
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import ConfigError
from training.corpus_files import ham, spam
from training.examples import Example
from training.mail import written

VARIABLE = "WINNOW_ENRON"
SHORTEST, LONGEST = 10, 480  #: characters that count as SMS-like; 480 fill three or four segments

_IS_SPAM = {"ham": False, "0": False, "spam": True, "1": True}
_TEXT_COLUMNS, _LABEL_COLUMNS = ("message", "body"), ("spam/ham", "label")
_LONGEST_FIELD = 2**26  # csv refuses more than 128 KiB, and some of the mails are longer

Mail = tuple[bool, str]  #: (is spam, body)


def enron_named() -> list[Example]:
    """The corpus at the path in WINNOW_ENRON.

    Raises:
        ConfigError: it is not set; or see `enron_examples`.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        raise ConfigError(f"{VARIABLE} is not set; it names the folder or CSV file of the Enron-Spam corpus")
    return enron_examples(Path(named))


def enron_examples(path: Path, longest: int = LONGEST) -> list[Example]:
    """The e-mails whose own words, without quotes, headers and signature, are as short as a text message.

    Their spam mixes adverts with fraud, so it says nothing of phishing.

    Args:
        path: the folder above enron1 … enron6, one of them, or the CSV file.
        longest: characters.

    Raises:
        ConfigError: there is no such path, or it holds something else; names the path, and of a CSV file the line.
    """
    if path.is_dir():
        mails = _from_folder(path)
    elif path.is_file():
        mails = _from_csv(path)
    else:
        raise ConfigError(f"Enron corpus: there is no folder or file {path}")
    return [_example(is_spam, text) for is_spam, text in _short(mails, longest)]


def _short(mails: Iterator[Mail], longest: int) -> Iterator[Mail]:
    for is_spam, body in mails:
        text = written(body)
        if SHORTEST <= len(text) <= longest:
            yield is_spam, text


def _example(is_spam: bool, text: str) -> Example:
    return spam(text, "enron", "US", "mail_spam", None) if is_spam else ham(text, "enron", "US", "mail")


def _from_folder(folder: Path) -> Iterator[Mail]:
    for label in ("ham", "spam"):
        files = sorted(folder.rglob(f"{label}/*.txt"))
        if not files:
            raise ConfigError(f"Enron corpus: {folder} holds no folder {label} with .txt files in it")
        for file in files:
            subject, _, body = _decode(file.read_bytes()).partition("\n")
            if not subject.lower().startswith("subject:"):
                raise ConfigError(f"Enron corpus: {file} does not start with a subject line")
            yield _IS_SPAM[label], body


def _from_csv(file: Path) -> Iterator[Mail]:
    csv.field_size_limit(_LONGEST_FIELD)
    rows = csv.DictReader(io.StringIO(_decode(file.read_bytes()), newline=""))
    try:
        names = {name.strip().lower(): name for name in rows.fieldnames or ()}
        text, label = (_column(names, file, *known) for known in (_TEXT_COLUMNS, _LABEL_COLUMNS))
        for row in rows:
            is_spam = _IS_SPAM.get((row[label] or "").strip().lower())
            if is_spam is None:
                raise ConfigError(f"Enron corpus: {file}, line {rows.line_num}: the label is neither ham nor spam")
            yield is_spam, row[text] or ""
    except csv.Error as error:
        raise ConfigError(f"Enron corpus: {file}, line {rows.line_num}: {error}") from None


def _column(names: dict[str, str], file: Path, *known: str) -> str:
    for name in known:
        if name in names:
            return names[name]
    raise ConfigError(f"Enron corpus: {file} has no column {' or '.join(known)}")


def _decode(raw: bytes) -> str:
    """Its mails are of many makes: UTF-8 where it is valid, else Latin-1, which anything is."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
