"""Keyed hashes."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.keys import Keys

KEYS = Keys("secret", ("lightgbm/1", "rules-1"))
PARTS = st.lists(st.text(max_size=8) | st.booleans(), max_size=4)


@given(PARTS, PARTS)
def test_different_parts_have_different_keys(left, right):
    equal = left == right and list(map(type, left)) == list(map(type, right))
    assert (KEYS.answer("assess", "t", *left) == KEYS.answer("assess", "t", *right)) is equal


def test_everything_that_matters_is_in_the_key():
    base = KEYS.answer("assess", "tenant", "text")
    assert base == Keys("secret", ("lightgbm/1", "rules-1")).answer("assess", "tenant", "text")
    others = [
        KEYS.answer("intent", "tenant", "text"),
        KEYS.answer("assess", "other tenant", "text"),
        KEYS.answer("assess", "tenant", "text2"),
        Keys("other secret", ("lightgbm/1", "rules-1")).answer("assess", "tenant", "text"),
        Keys("secret", ("lightgbm/2", "rules-1")).answer("assess", "tenant", "text"),
    ]
    assert base not in others
    assert len(set(others)) == len(others)


def test_keys_show_nothing_of_the_text():
    assert b"hello" not in KEYS.answer("assess", "t", "hello")
    assert len(KEYS.answer("assess", "t", "x" * 10_000)) == 16


def test_senders_have_stable_pseudonyms_and_the_unknown_one_none():
    assert KEYS.sender("+15551234567") == Keys("secret").sender("+15551234567")
    assert KEYS.sender("+15551234567") != Keys("other").sender("+15551234567")
    assert KEYS.sender("") == ""


def test_purposes_have_secrets_of_their_own():
    assert KEYS.purpose("receipts") != KEYS.purpose("webhooks")
    assert len(KEYS.purpose("receipts")) == 32
