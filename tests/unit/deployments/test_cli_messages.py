import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from deployments.cli.messages import count_lines, format_of, read

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
ROWS = st.lists(st.tuples(TEXT, st.text(st.characters(exclude_categories=["Cs"]))))


def requests(raw: bytes, form: str, **defaults: object):
    return [line.request for line in read(io.BytesIO(raw), form, defaults)]


@given(ROWS)
def test_csv_gives_back_every_text_and_sender(rows: list[tuple[str, str]]):
    file = io.StringIO(newline="")
    csv.writer(file).writerows([("sender", "text"), *((sender, text) for text, sender in rows)])
    found = requests(file.getvalue().encode(), "csv")
    assert [(request.text, request.sender) for request in found] == rows


@given(ROWS)
def test_json_lines_give_back_every_text_and_sender(rows: list[tuple[str, str]]):
    raw = "\n".join(json.dumps({"text": text, "sender": sender}) for text, sender in rows).encode()
    assert [(request.text, request.sender) for request in requests(raw, "jsonl")] == rows


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"))))
def test_lines_are_numbered_as_an_editor_does(texts: list[str]):
    found = [(line.number, line.request.text) for line in read(io.BytesIO("\n".join(texts).encode()), "lines", {})]
    assert found == [
        (n, text.removeprefix("\ufeff") if n == 1 else text) for n, text in enumerate(texts, 1) if text.strip()
    ]


@given(st.binary(), st.sampled_from(["lines", "jsonl"]))
def test_no_bytes_stop_the_reading(raw: bytes, form: str):
    for line in read(io.BytesIO(raw), form, {}):
        assert (line.request is None) != (line.error is None)


def test_rows_of_csv_after_cells_that_span_lines_keep_their_numbers():
    raw = b'text\n"one\ntwo"\n\nthree\n'
    found = [(line.number, line.request.text) for line in read(io.BytesIO(raw), "csv", {})]
    assert found == [(2, "one\ntwo"), (5, "three")]


def test_a_message_goes_before_the_defaults():
    raw = b'{"text": "a", "sender": "OWN", "policy": null}\n{"text": "b"}'
    first, second = requests(raw, "jsonl", sender="DEFAULT", policy="strict")
    assert (first.sender, first.policy) == ("OWN", "strict")
    assert second.sender == "DEFAULT"


def test_the_name_says_the_format():
    assert [format_of(name) for name in ("a.CSV", "b.jsonl", "c.ndjson", "d.txt", "-")] == [
        "csv",
        "jsonl",
        "jsonl",
        "lines",
        "lines",
    ]


def test_counting_leaves_the_file_as_it_was():
    file = io.BytesIO(b"a\nb\nc")
    assert count_lines(file) == 3
    assert file.read() == b"a\nb\nc"
