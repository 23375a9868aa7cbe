"""Files of messages: plain lines, CSV or JSON lines, read as a stream. A bad line is an item like any other."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgspec

from pipeline.errors import InvalidField, MalformedJson, WinnowError
from pipeline.wire import ClassifyRequest

Format = Literal["lines", "csv", "jsonl"]

_FORMATS: dict[str, Format] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_FIELDS = ("text", "sender", "recipient", "message_id", "policy")
_LONGEST_CELL = 1 << 24


class Line(msgspec.Struct, frozen=True, gc=False):
    """One message of a file, or why there is none."""

    number: int  #: from 1; of its first line, in a CSV file whose cells span lines
    request: ClassifyRequest | None = None
    error: WinnowError | None = None


def format_of(path: str) -> Format:
    """What a file's name says of its format; anything unknown holds one message a line."""
    return _FORMATS.get(Path(path).suffix.lower(), "lines")


def read(file: BinaryIO, form: Format, defaults: Mapping[str, Any]) -> Iterator[Line]:
    """The messages of a file in order; blank lines are passed over.

    Args:
        file: in UTF-8, with or without a byte order mark.
        form: its format. CSV needs a column `text`; sender, recipient, message_id and policy are read where they
            are there, and so in JSON lines; anything else is passed over.
        defaults: of fields that a message does not name.

    Raises:
        InvalidField: a CSV file has no column `text`.
    """
    rows = {"lines": _lines, "csv": _csv, "jsonl": _jsonl}[form]
    for number, found in rows(_decoded(file)):
        try:
            yield Line(number, _request(found, defaults))
        except WinnowError as error:
            yield Line(number, error=error)


def count_lines(file: BinaryIO) -> int | None:
    """How many lines lie ahead; None where looking would use them up, as on a pipe."""
    if not file.seekable():
        return None
    start = file.tell()
    lines = sum(1 for _ in file)
    file.seek(start)
    return lines


def rows_of_csv(file: BinaryIO, *needed: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows by column with the number of their first line.

    Raises:
        InvalidField: the file lacks a column that is needed.
    """
    return _table(_decoded(file), needed)


def _decoded(file: BinaryIO) -> Iterator[str]:
    """Lines with their ends. Bytes that are not UTF-8 become lone surrogates, which `_request` refuses."""
    for index, raw in enumerate(file):
        text = raw.decode("utf-8", "surrogateescape")
        yield text.removeprefix("\ufeff") if index == 0 else text


def _lines(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, {"text": line.rstrip("\r\n")}


def _csv(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    return _table(lines, ("text",))


def _table(lines: Iterable[str], needed: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(lines)
    columns = [name.strip() for name in next(reader, [])]
    if missing := set(needed) - set(columns):
        raise InvalidField(f"the first line of a CSV file names its columns; there is no {' and no '.join(missing)}")
    ended = reader.line_num
    for cells in reader:
        first, ended = ended + 1, reader.line_num
        if cells:
            yield first, dict(zip(columns, cells, strict=False))


def _jsonl(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                yield number, None


def _request(found: Any, defaults: Mapping[str, Any]) -> ClassifyRequest:
    """The request of one row. Only what the server cannot be asked is refused here."""
    if not isinstance(found, dict):
        raise MalformedJson("is not a JSON object")
    named = {field: found[field] for field in _FIELDS if found.get(field) not in (None, "")}
    request = ClassifyRequest(**{"text": "", **defaults, **named})
    try:
        msgspec.json.encode(request)
    except UnicodeEncodeError:
        raise InvalidField("is not UTF-8") from None
    return request
