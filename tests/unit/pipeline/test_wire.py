"""Requests: every wrong one is refused with the field that is wrong, and without its value."""

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField, MalformedJson, TooLarge, WinnowError
from pipeline.guardrails import RAMP, Step
from pipeline.orders import ExperimentRequest, RollbackRequest
from pipeline.wire import (
    BadItem,
    ClassifyRequest,
    check_text,
    parse_batch,
    parse_classify,
    parse_experiment,
    parse_promote,
    parse_ramp,
    parse_rollback,
)


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


GOOD = b'{"text": "a, \\"b\\" ]}", "sender": "BANK"}'


def nested(depth):
    return b"[" * depth + b"]" * depth


#: An item, the id that its error is matched by, and the error.
BAD = {
    "type": (b'{"text": 7, "message_id": "m"}', "m", InvalidField),
    "surrogate": (b'{"text": "\\ud800", "message_id": "m"}', "m", InvalidField),
    "surrogate in a key": (b'{"text": "a", "\\ud800": 1, "message_id": "m"}', "m", InvalidField),
    "surrogate in a key inside": (b'{"text": {"\\ud800": 1}, "message_id": "m"}', "m", InvalidField),
    "surrogate in the id": (b'{"text": "a", "message_id": "\\ud800"}', None, InvalidField),
    "no text": (b'{"message_id": "m"}', "m", InvalidField),
    "no object": (b"[]", None, InvalidField),
    "5,000 digits": (b'{"text": %b, "message_id": "m"}' % (b"7" * 5000), "m", InvalidField),
    "5,000 digits of a field": (b'{"text": "a", "deadline_ms": %b}' % (b"7" * 5000), None, InvalidField),
    "not UTF-8": (b'{"text": "\xff", "message_id": "m"}', None, MalformedJson),
} | {
    f"{depth} brackets": (b'{"text": %b, "message_id": "m"}' % nested(depth), None, (InvalidField, MalformedJson))
    for depth in (990, 994, 1_000, 5_000, 100_000)
}
bad_items = pytest.mark.parametrize(("bad", "message_id", "error"), BAD.values(), ids=BAD)


@bad_items
def test_one_bad_message_among_999_good(bad, message_id, error):
    items = parse_batch(b'{"messages": [' + b", ".join([GOOD] * 500 + [bad] + [GOOD] * 499) + b"]}", 1000)
    assert len(items) == 1000
    assert [i for i, item in enumerate(items) if isinstance(item, BadItem)] == [500]
    assert items[500].message_id == message_id
    assert isinstance(items[500].error, error)
    assert items[499] == items[501] == ClassifyRequest(text='a, "b" ]}', sender="BANK")


@bad_items
def test_a_bad_message_beside_another_kind_of_bad_one(bad, message_id, error):
    surrogate = BAD["surrogate"][0]
    first, second, good = parse_batch(b'{"messages": [%b,%b,%b]}' % (bad, surrogate, GOOD), 3)
    assert (first.message_id, second.message_id) == (message_id, "m")
    assert isinstance(first.error, error)
    assert isinstance(good, ClassifyRequest)


@given(st.binary(max_size=40) | st.text('{}[]",:a\\ \ud800', max_size=40).map(lambda t: t.encode("utf-8", "ignore")))
def test_any_item_is_a_request_or_a_bad_item_or_spoils_the_syntax(raw):
    try:
        items = parse_batch(b'{"messages": [%b,%b]}' % (raw, GOOD), 50)
    except MalformedJson:
        return
    assert isinstance(items[-1], ClassifyRequest)


@pytest.mark.parametrize("depth", [980, 990, 100_000])
def test_a_deep_request_is_malformed_or_wrong(depth):
    inner = b'{"x": ' * depth + b'"\\ud800"' + b"}" * depth
    for body in (b'{"text": "a", "\\ud800": %b}' % inner, b'{"text": %b}' % inner, b'{"policy": %b}' % nested(depth)):
        with pytest.raises((MalformedJson, InvalidField)):
            parse_classify(body)


@pytest.mark.parametrize(
    ("body", "error", "field"),
    [
        (b'{"messages": []}', InvalidField, "$.messages"),
        (b'{"messages": {}}', InvalidField, "$.messages"),
        (b"{}", InvalidField, "$.messages"),
        (b'{"messages": [{"text": "a"}], "x": 1}', InvalidField, "$.x"),
        (b'{"messages": [1, 2, 3, 4]}', TooLarge, "$.messages"),
        (b'{"messages": [', MalformedJson, None),
        (b'{"messages": [{"text": "a"} {"text": "b"}, {"text": "\\ud800"}]}', MalformedJson, None),
        (b'{"messages": [{"text": "\\ud800"},]}', MalformedJson, None),
        (b'{"messages": [{"text": "\\ud800"}], "x": 1}', InvalidField, "$.x"),
        (b'{"messages": [{"text": "\\ud800"}], "messages": [{"text": "a"}]}', (InvalidField, MalformedJson), None),
        (b'{"messages": [1, 2, 3, {"text": "\\ud800"}]}', TooLarge, "$.messages"),
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


@pytest.mark.parametrize(
    ("parse", "body", "field"),
    [
        (parse_experiment, b"{}", "$.arms"),
        (parse_experiment, b'{"arms": {}}', "$.arms"),
        (parse_experiment, b'{"arms": {"m/1": "all"}}', "$.arms[...]"),
        (parse_experiment, b'{"arms": {"m": 1}}', "$.arms"),
        (parse_experiment, b'{"arms": {"m/1": 1}, "sticky_by": "mood"}', "$.sticky_by"),
        (parse_experiment, b'{"arms": {"m/1": 1}, "shadow": ["m/2"]}', "$.shadow"),
        (parse_experiment, b'{"arms": {"m/1": 1}, "ramp": {}}', "$.ramp"),
        (parse_experiment, b'{"arms": {"m/1": 1}, "why": "' + b"x" * 501 + b'"}', "$.why"),
        (parse_promote, b"{}", "$.version"),
        (parse_promote, b'{"version": "m/1", "revision": "2"}', "$.revision"),
        (parse_rollback, b'{"version": "m/1"}', "$.version"),
        (parse_ramp, b"{}", "$.version"),
        (parse_ramp, b'{"version": "m/1", "steps": []}', "$.steps"),
        (parse_ramp, b'{"version": "m/1", "steps": [{"share": 0}]}', "$.steps[0].share"),
        (parse_ramp, b'{"version": "m/1", "steps": [{"share": 1, "days": 2}]}', "$.steps[0].days"),
        (parse_ramp, b'{"version": "m/1", "limits": {"p99_ms": 0}}', "$.limits.p99_ms"),
    ],
)
def test_what_an_operator_asks_wrongly_is_named(parse, body, field):
    with pytest.raises(InvalidField) as caught:
        parse(body)
    assert caught.value.field == field


def test_experiments_as_they_may_be_asked_for():
    assert parse_experiment(b'{"arms": {"m/1": 9, "m/2": 1}, "shadow": {"m/3": 0.1}, "control": "m/2"}') == (
        ExperimentRequest({"m/1": 9.0, "m/2": 1.0}, shadow={"m/3": 0.1}, control="m/2")
    )
    assert parse_rollback(b"{}") == RollbackRequest()
    assert parse_ramp(b'{"version": "m/1"}').steps == RAMP
    asked = parse_ramp(b'{"version": "m/1", "steps": [{"share": 0.5, "dwell_s": 60}, {"share": 1}], "revision": 3}')
    assert (asked.steps, asked.revision) == ((Step(0.5, 60.0), Step(1.0)), 3)
