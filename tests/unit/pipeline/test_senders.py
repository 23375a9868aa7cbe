import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.senders import Sender, canonical_address, classify_sender


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


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+447700900123", "447700900123"),
        ("+44 (0)7700 900123", "44 7700 900123"),
        ("00447700900123", "447700900123"),
        ("+1 (202) 555-0147", "1-202-555-0147"),
        ("+503 7123 4567", "50371234567"),
    ],
)
def test_a_dropped_plus_makes_no_other_address(one: str, other: str) -> None:
    assert canonical_address(one) == canonical_address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+6591234567", "6591234567"),
        ("+447700900123", "07700900123"),
        ("+447700900123", "447700900124"),
        ("+08712345678", "08712345678"),
        ("57575", "+57575"),
    ],
)
def test_other_numbers_stay_apart(one: str, other: str) -> None:
    assert canonical_address(one) != canonical_address(other)


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        (" +44 7700 900123 ", "+447700900123"),
        ("0044 7700 900123", "+447700900123"),
        ("07700 900123", "07700900123"),
        ("570-575", "570575"),
        ("447700900123", "+447700900123"),
        ("12", "12"),
        ("vm-hdfcbk ", "VM-HDFCBK"),
        ("Royal  Mail", "ROYAL MAIL"),
        ("", ""),
    ],
)
def test_addresses_have_one_spelling(raw: str, address: str) -> None:
    assert canonical_address(raw) == address


def test_look_alike_letters_do_not_become_a_known_sender() -> None:
    assert classify_sender("НDFCBK").canonical != "HDFCBK"


addresses = st.one_of(
    st.text(max_size=64), st.from_regex(r"\A\+?[0-9 ()./-]{1,20}\Z"), st.from_regex(r"\A[A-Za-z0-9-]{1,14}\Z")
)


@given(addresses)
def test_canonical_sender_is_a_fixed_point(raw: str) -> None:
    once = classify_sender(raw)
    again = classify_sender(once.canonical)
    assert (again.canonical, again.kind) == (once.canonical, once.kind)


@given(addresses)
def test_canonical_address_is_a_fixed_point(raw: str) -> None:
    address = canonical_address(raw)
    assert canonical_address(address) == address


@given(st.from_regex(r"\A[1-9][0-9]{10,14}\Z"))
def test_any_spelling_of_a_long_number_is_the_same(digits: str) -> None:
    spellings = (digits, f"+{digits}", f"00{digits}", f"+{digits[:2]} {digits[2:5]}-{digits[5:]}")
    assert {canonical_address(spelling) for spelling in spellings} == {f"+{digits}"}
