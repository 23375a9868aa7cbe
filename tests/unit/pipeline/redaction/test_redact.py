"""The whole of it: what stays, what goes, and what holds for any text."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise import normalise
from pipeline.redaction import redact, redact_sender
from pipeline.redaction.vocabulary import TERMS
from tests.support.sight import digits_of
from tests.support.spellings import spell, spell_in_words
from tests.support.texts import anything

PLACEHOLDER = re.compile(r"<(?:URL [a-z#.-]+|[A-Z]+)>")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "Your OTP for HDFC Bank login is 482913. Do not share.",
            "Your OTP for HDFC Bank login is <CODE>. Do not share.",
        ),
        (
            "Dear Ravi Kumar, Rs 2,500.00 debited from a/c XX1234 on 12/11/2024 at 10:30. Not you? Call 1800 258 6161",
            "Dear <NAME>, <AMOUNT> debited from a/c <ACCOUNT> on <DATE> at <TIME>. Not you? Call <PHONE>",
        ),
        (
            "ओटीपी चार आठ दो नौ है। 10 मिनट के लिए मान्य",
            "ओटीपी <CODE> है। <NUMBER> मिनट के लिए मान्य",
        ),
        ("<#> 482913 for 5paisa\n7WRI98nJfKM", "<#> <CODE> for 5paisa <CODE>"),
        ("mail bob.smith99@mail.com, pay bob@okbank", "mail <EMAIL>, pay <UPI>"),
        ("Or tap https://u:p@login.bank.co.uk/reset?token=ab12cd.", "Or tap <URL bank.co.uk>."),
        ("VM-HDFCBK-T", "VM-HDFCBK-T"),
        ("", ""),
    ],
)
def test_details_become_typed_placeholders(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("sender", "redacted"),
    [
        ("VM-HDFCBK", "VM-HDFCBK"),
        ("AX-AXIS24", "AX-AXIS##"),
        ("+91 98765 43210", "<PHONE>"),
        ("५७५७५", "<PHONE>"),
        ("bob@mail.com", "<EMAIL>"),
        ("", ""),
    ],
)
def test_a_brand_that_sends_stays_and_a_number_goes(sender: str, redacted: str) -> None:
    assert redact_sender(sender) == redacted


FRAMES = [
    "Your code is {}.",
    "{} is your OTP, valid for 10 mins",
    "OTP{}",
    "G-{} do not share",
    "code:{}(Ref:ZJWR)",
    "a/c XX{} debited Rs 500.00 on 12/11/2024",
    "<#> {}\nabcDEF",
    "รหัส{}คือ",
    "https://bank.com/{}?t={}#{}",
    "http://{}@evil.io/x",
    "mail u{}@mail.com",
    "[{}] {{{}}} <{}> <CODE {}> <URL {}>",
    "office {} 365",
    "2{}FA",
]


@pytest.mark.parametrize("frame", FRAMES)
def test_digits_go_however_they_are_spelt(frame: str) -> None:
    rng = random.Random(frame)
    for _ in range(100):
        digits = "".join(rng.choices("0123456789", k=rng.choice([4, 5, 6, 8, 12, 16])))
        assert digits not in digits_of(redact(frame.replace("{}", spell(digits, rng)))), "a canary survived"


@pytest.mark.parametrize("frame", FRAMES[:2])
def test_read_out_codes_go(frame: str) -> None:
    rng = random.Random(frame)
    for _ in range(300):
        digits = "".join(rng.choices("0123456789", k=6))
        redacted = redact(frame.replace("{}", spell_in_words(digits, rng)))
        assert redacted.removeprefix("Your code is ").removeprefix("double ").startswith(("<CODE>", "<ACCOUNT>"))


@given(anything)
def test_no_digit_leaves_but_in_names_we_know(text: str) -> None:
    redacted = redact(text)
    for term in TERMS:
        redacted = re.sub(re.escape(term), "", redacted, flags=re.IGNORECASE)
    assert not any(c.isdecimal() for c in redacted)


@given(anything)
def test_what_is_redacted_stays_as_it_is(text: str) -> None:
    redacted = redact(text)
    assert redact(redacted) == redacted


@given(anything)
def test_any_text_is_redacted_to_a_bounded_length(text: str) -> None:
    assert len(redact(text)) <= 16 * len(text)


@given(st.lists(st.text("abcdeéकก", min_size=1), max_size=8).map(" ".join))
def test_words_stay(text: str) -> None:
    assert redact(text) == normalise(text).text  # which joins what is spelt out


#: Letters that spell no currency, and nothing that makes a link.
words = st.text("abdklo éжकก漢,!?:;'()<>\"-", max_size=30)


@given(words, words, st.sampled_from(["482913", "4829 13", "4829-1300-77", "４８２９１３", "٤٨٢٩١٣"]))
def test_no_company_of_words_protects_a_code(before: str, after: str, code: str) -> None:
    redacted = redact(f"{before}{code}{after}")
    assert not re.search(r"\d", redacted) and PLACEHOLDER.search(redacted)


def test_a_placeholder_in_the_message_is_no_hiding_place() -> None:
    redacted = redact("<URL zebediah.evil.com> <URL zebediah> <CODE> <CODE zebediah1>")
    assert redacted == "<URL evil.com> <URL> <CODE> <CODE <CODE>>"


def test_characters_of_the_private_area_mean_nothing() -> None:
    assert redact("4\ue0308\ue0312\ue0329") == "<CODE>"
    assert redact("\ue03c\ue043") == ""
