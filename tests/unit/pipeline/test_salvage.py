import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.salvage import Cut, cut


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"m": [1, {"a": [2, 3]}, "x,]"]}', Cut(b'{"m": []}', [b"1", b'{"a": [2, 3]}', b'"x,]"'])),
        (b'{"a": ["m", [1]], "m": [ ], "b": [2]}', Cut(b'{"a": ["m", [1]], "m": [], "b": [2]}', [])),
        (b'{"m": [,1,]}', Cut(b'{"m": []}', [b"", b"1", b""])),
        (b'{"m": ["\\"]", "\\\\"]}', Cut(b'{"m": []}', [b'"\\"]"', b'"\\\\"'])),
        (b'{"a": {"m": [1]}}', None),
        (b'[["m", [1]]]', None),
        (b'{"m": [1, 2', None),
        (b'{"m": ["1, 2]}', None),
        (b'{"m": {}}', None),
        (b"", None),
    ],
)
def test_a_list_is_cut_at_its_own_commas(body: bytes, expected: Cut | None) -> None:
    assert cut(body, "m") == expected


def test_what_would_take_too_long_is_left() -> None:
    assert cut(b'{"m": [' + b"[]," * 200_000 + b"1]}", "m") is None


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.lists(values, max_size=5), st.dictionaries(st.text().filter(lambda key: key != "m"), values, max_size=3))
def test_any_json_is_cut_as_it_was_put_together(items: list[object], others: dict[str, object]) -> None:
    found = cut(json.dumps({**others, "m": items}).encode(), "m")
    assert found is not None
    assert json.loads(found.envelope) == {**others, "m": []}
    assert [json.loads(item) for item in found.items] == items


@given(st.binary())
def test_any_bytes_are_cut_or_left(body: bytes) -> None:
    found = cut(b'{"m": [' + body, "m")
    assert found is None or found.envelope.startswith(b'{"m": []')
