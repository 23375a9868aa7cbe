import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.senders import Sender, classify_sender


@pytest.mark.parametrize(
    ("raw", "sender"),
    [
        ("+91 98765-43210", Sender("e164", "+919876543210", country_hint="IN")),
        ("0044 20 7946 0018", Sender("e164", "+442079460018", country_hint="GB")),
        ("+44 (0)20 7946 0018", Sender("e164", "+442079460018", country_hint="GB")),
        ("+1 (202) 555-0147", Sender("e164", "+12025550147", country_hint="US")),
        ("+234 803 555 0101", Sender("e164", "+2348035550101", country_hint="NG")),
        ("447911123456", Sender("national", "447911123456", country_hint="GB")),
        ("07911 123456", Sender("national", "07911123456")),
        ("9876543210", Sender("national", "9876543210")),
        ("87121", Sender("short_code", "87121")),
        ("570-575", Sender("short_code", "570575")),
        ("vm-hdfcbk", Sender("dlt", "VM-HDFCBK", "HDFCBK", "IN")),
        ("AD-HDFCBK-T", Sender("dlt", "AD-HDFCBK-T", "HDFCBK", "IN", "T")),
        ("JD-620016-P", Sender("dlt", "JD-620016-P", "620016", "IN", "P")),
        ("JX-EPFOHO-G", Sender("dlt", "JX-EPFOHO-G", "EPFOHO", "IN", "G")),
        ("Royal  Mail", Sender("alphanumeric", "ROYAL MAIL", "ROYAL MAIL")),
        ("T-Mobile", Sender("alphanumeric", "T-MOBILE", "T-MOBILE")),
        ("UK-Visas", Sender("alphanumeric", "UK-VISAS", "UK-VISAS")),
        ("Alerts@Bank.example.com", Sender("email", "alerts@bank.example.com")),
        ("A name beyond GSM", Sender("unknown", "A NAME BEYOND GSM")),
        ("12", Sender("unknown", "12")),
        ("+0123456789", Sender("unknown", "+0123456789")),
        ("", Sender("unknown", "")),
    ],
)
def test_kinds_and_canonical_spelling(raw: str, sender: Sender) -> None:
    assert classify_sender(raw) == sender


def test_look_alike_letters_do_not_become_a_known_sender() -> None:
    assert classify_sender("НDFCBK").canonical != "HDFCBK"


@given(
    st.one_of(
        st.text(max_size=64), st.from_regex(r"\A\+?[0-9 ()./-]{1,20}\Z"), st.from_regex(r"\A[A-Za-z0-9-]{1,14}\Z")
    )
)
def test_canonical_sender_is_a_fixed_point(raw: str) -> None:
    once = classify_sender(raw)
    again = classify_sender(once.canonical)
    assert (again.canonical, again.kind) == (once.canonical, once.kind)
