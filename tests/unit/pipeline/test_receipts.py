import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField
from pipeline.receipts import MAX_AGE_S, Receipt, sign, verify

SECRET, OTHER = b"s" * 32, b"o" * 32
NOW = 1_760_000_000.0
RECEIPT = Receipt(
    id="r-1",
    tenant="acme",
    arms={"spam": ("distilbert/2", 7)},
    models={"spam": "distilbert/2", "otp": "lightgbm/1"},
    decisions={"spam": "spam", "otp": "not_otp"},
    scores={"spam": 0.9876, "otp": 0.0},
    sender_key="4f3c",
    recipient_key="",
    issued_at=int(NOW),
)
TOKEN = sign(SECRET, RECEIPT)

words = st.text(max_size=20)
receipts = st.builds(
    Receipt,
    id=words,
    tenant=words,
    arms=st.dictionaries(words, st.tuples(words, st.integers(0, 2**31)), max_size=4),
    models=st.dictionaries(words, words, max_size=5),
    decisions=st.dictionaries(words, words, max_size=4),
    scores=st.dictionaries(words, st.integers(0, 10_000).map(lambda n: n / 10_000), max_size=4),
    sender_key=words,
    recipient_key=words,
    issued_at=st.just(int(NOW)),
    version=st.just(2),
)


@given(receipts)
def test_what_was_signed_comes_back(receipt: Receipt) -> None:
    assert verify([SECRET], sign(SECRET, receipt), receipt.tenant, now=NOW) == receipt


def test_four_digits_of_a_score_are_kept() -> None:
    token = sign(SECRET, msgspec.structs.replace(RECEIPT, scores={"spam": 0.123456789}))
    assert verify([SECRET], token, "acme", now=NOW).scores == {"spam": 0.1235}


def test_a_token_can_stand_in_a_url() -> None:
    assert TOKEN.replace("-", "").replace("_", "").isalnum()


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="ascii"))
def test_any_altered_character_is_noticed(position: int, character: str) -> None:
    altered = TOKEN[:position] + character + TOKEN[position + 1 :]
    if altered == TOKEN:
        return
    with pytest.raises(InvalidField) as refused:
        verify([SECRET], altered, "acme", now=NOW)
    assert refused.value.field == "$.receipt"


@given(st.text())
def test_any_other_text_is_refused(token: str) -> None:
    with pytest.raises(InvalidField):
        verify([SECRET], token, "acme", now=NOW)


@given(st.integers(0, len(TOKEN) - 1))
def test_a_cut_token_is_refused(length: int) -> None:
    with pytest.raises(InvalidField):
        verify([SECRET], TOKEN[:length], "acme", now=NOW)


def test_a_replaced_secret_still_verifies_and_a_foreign_one_does_not() -> None:
    assert verify([OTHER, SECRET], TOKEN, "acme", now=NOW) == RECEIPT
    with pytest.raises(InvalidField):
        verify([OTHER], TOKEN, "acme", now=NOW)
    with pytest.raises(InvalidField):
        verify([], TOKEN, "acme", now=NOW)


def test_another_tenant_learns_nothing_of_a_receipt() -> None:
    with pytest.raises(InvalidField) as foreign:
        verify([SECRET], TOKEN, "rival", now=NOW)
    with pytest.raises(InvalidField) as altered:
        verify([SECRET], TOKEN[:-2] + "AA", "rival", now=NOW)
    assert foreign.value.detail == altered.value.detail


def test_receipts_expire() -> None:
    assert verify([SECRET], TOKEN, "acme", now=NOW + MAX_AGE_S) == RECEIPT
    with pytest.raises(InvalidField, match="older than 90 days"):
        verify([SECRET], TOKEN, "acme", now=NOW + MAX_AGE_S + 1)


def test_a_format_of_the_future_is_refused() -> None:
    with pytest.raises(InvalidField, match="format"):
        verify([SECRET], sign(SECRET, msgspec.structs.replace(RECEIPT, version=3)), "acme", now=NOW)
