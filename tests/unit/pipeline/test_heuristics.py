import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.heuristics import HEURISTICS, heuristic_matrix, heuristics
from tests.support.texts import anything

#: Heuristic to (text, sender) that must set it and one that must not.
CASES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "has_digits": (("call 5 times", ""), ("call five times", "AD-12345")),
    "has_otp_keyword": (("Your Otp is here", ""), ("laptop adopted", "")),
    "has_security_warning": (("DO NOT SHARE it", ""), ("please share it", "")),
    "has_url": (("see https://a.example", ""), ("see a.example", "")),
    "has_action_word": (("Click below", ""), ("a recall notice", "")),
    "has_bank_security_phrase": (("OTP is secret", ""), ("a secret", "")),
    "has_sms_block_reference": (("SMS BLOCK 7007 to stop", ""), ("block 7007", "")),
    "has_reward_keyword": (("you are a winner", ""), ("a cold winter by the window", "")),
    "has_trading_keyword": (("your demat account", ""), ("sipping tea", "")),
    "has_social_app": (("Instagram login", ""), ("insta gram", "")),
    "has_delivery_keyword": (("your parcel is near", ""), ("a border dispute", "")),
    "has_upi_or_pin": (("enter UPI", ""), ("a pinned post", "")),
    "has_kyc_or_esign": (("complete your e-KYC", ""), ("a design", "")),
    "has_account_change": (("reset your password", ""), ("reset the clock", "")),
    "has_otp_phrase": (("a one-time password", ""), ("one time only", "")),
    "has_currency_amount": (("Rs.250 paid", ""), ("250 miles", "")),
    "has_masked_account": (("a/c XX1234", ""), ("an account", "")),
    "has_urgency": (("act now!", ""), ("activities", "")),
    "has_shortened_url": (("bit.ly/x", ""), ("rabbit.lying", "")),
    "sender_financial": (("hi", "VM-HDFCBK"), ("hdfc", "VM-OTHER")),
    "sender_commerce": (("hi", "AX-SWIGGY"), ("swiggy", "")),
    "sender_social": (("hi", "Netflix"), ("netflix", "")),
    "sender_numeric": (("hi", "+919876543210"), ("9876543210", "57575")),
}


def test_there_are_the_23_of_the_reference() -> None:
    assert len(HEURISTICS) == 23
    assert set(CASES) == set(HEURISTICS)


@pytest.mark.parametrize("name", HEURISTICS)
def test_each_heuristic_sees_its_pattern_and_no_look_alike(name: str) -> None:
    column = HEURISTICS.index(name)
    hit, miss = CASES[name]
    assert heuristics(*hit)[column] == 1.0
    assert heuristics(*miss)[column] == 0.0


@given(st.lists(st.tuples(anything, st.text(max_size=16) | anything), max_size=8))
def test_a_batch_equals_its_messages(messages: list[tuple[str, str]]) -> None:
    matrix = heuristic_matrix([text for text, _ in messages], [sender for _, sender in messages])
    assert matrix.shape == (len(messages), 23)
    assert matrix.tolist() == [heuristics(text, sender) for text, sender in messages]


def test_a_message_without_any_pattern_is_all_zeros() -> None:
    assert not any(heuristics("see you soon", ""))
