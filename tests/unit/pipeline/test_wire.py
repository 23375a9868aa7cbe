"""Requests: every wrong one is refused with the field that is wrong, and without its value."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField, MalformedJson, TooLarge, WinnowError
from pipeline.wire import BadItem, ClassifyRequest, check_text, parse_batch, parse_classify


def test_a_whole_request():
    body = {"text": "hi", "sender": "VM-HDFCBK", "policy": "strict", "intent": "local", "deadline_ms": 50}
    assert parse_classify(json.dumps(body).encode()) == ClassifyRequest(
        text="hi", sender="VM-HDFCBK", policy="strict", intent="local", deadline_ms=50
    )


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (b"", MalformedJson, None),
        (b"{", MalformedJson, None),
        (b'{"text": "a"} x', MalformedJson, None),
        (b'{"text": "\xff"}', MalformedJson, None),
        (b'{"text": NaN}', MalformedJson, None),
        (b"[" * 100_000, (MalformedJson, InvalidField), None),
        (b"[]", InvalidField, "$"),
        (b"{}", InvalidField, "$.text"),
        (b'{"text": 7}', InvalidField, "$.text"),
        (b'{"text": null}', InvalidField, "$.text"),
        (b'{"text": "a", "shout": true}', InvalidField, "$.shout"),
        (b'{"text": "a", "policy": "harsh"}', InvalidField, "$.policy"),
        (b'{"text": "a", "deadline_ms": 0}', InvalidField, "$.deadline_ms"),
        (b'{"text": "a", "sender": "' + b"1" * 65 + b'"}', InvalidField, "$.sender"),
        (b'{"text": "a", "message_id": ""}', InvalidField, "$.message_id"),
        (b'{"text": "\\ud800"}', InvalidField, "$.text"),
        (b'{"text": "a", "sender": "x\\udfff"}', InvalidField, "$.sender"),
    ],
)
def test_wrong_requests_name_the_field(body, error, field):
    with pytest.raises(error) as caught:
        parse_classify(body)
    if field:
        assert caught.value.field == field


def test_a_refusal_does_not_repeat_the_value():
    with pytest.raises(InvalidField) as caught:
        parse_classify(b'{"text": "a", "policy": "my secret text"}')
    assert "secret" not in f"{caught.value} {caught.value.field}"


def test_surrogate_pairs_are_characters():
    assert parse_classify(b'{"text": "\\ud83d\\ude00"}').text == "😀"


BAD = [b'{"text": 7, "message_id": "m"}', b'{"text": "\\ud800", "message_id": "m"}', b'{"message_id": "m"}']


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_message_among_999_good(bad):
    good = b'{"text": "a"}'
    items = parse_batch(b'{"messages": [' + b",".join([good] * 500 + [bad] + [good] * 499) + b"]}", 1000)
    assert len(items) == 1000
    assert [i for i, item in enumerate(items) if isinstance(item, BadItem)] == [500]
    assert items[500].message_id == "m"
    assert isinstance(items[500].error, InvalidField)


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (b'{"messages": []}', InvalidField, "$.messages"),
        (b'{"messages": {}}', InvalidField, "$.messages"),
        (b"{}", InvalidField, "$.messages"),
        (b'{"messages": [{"text": "a"}], "x": 1}', InvalidField, "$.x"),
        (b'{"messages": [1, 2, 3, 4]}', TooLarge, "$.messages"),
        (b'{"messages": [', MalformedJson, None),
        (b'{"messages": [{"text": "\\ud800"}], "\\ud800": 1}', (InvalidField, MalformedJson), None),
    ],
)
def test_wrong_batches(body, error, field):
    with pytest.raises(error) as caught:
        parse_batch(body, 3)
    if field:
        assert caught.value.field == field


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_a_request_or_a_named_error(value):
    body = json.dumps(value).encode()
    for parse in (parse_classify, lambda raw: parse_batch(raw, 10)):
        with contextlib.suppress(WinnowError):
            parse(body)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_request_or_a_named_error(body):
    with contextlib.suppress(MalformedJson, InvalidField):
        assert isinstance(parse_classify(body), ClassifyRequest)


@pytest.mark.parametrize(
    ("text", "error"),
    [("", InvalidField), (" \n\t", InvalidField), ("a\0b", InvalidField), ("x" * 101, TooLarge)],
)
def test_text_that_is_none(text, error):
    with pytest.raises(error) as caught:
        check_text(text, 100)
    assert caught.value.field == "$.text"


def test_requests_survive_their_own_encoding():
    asked = ClassifyRequest(text="é\n\"'", message_id="m")
    assert parse_classify(msgspec.json.encode(asked)) == asked
