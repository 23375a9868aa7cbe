import random
import re
from unicodedata import decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise import normalise
from pipeline.redaction import redact
from tests.support.texts import anything


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (
            "Your OTP for HDFC Bank login is 482913. Do not share.",
            "Your OTP for HDFC Bank login is <CODE>. Do not share.",
        ),
        ("G-482913 is your code", "G-<CODE> is your code"),
        ("OTP482913 is valid for 10 mins", "OTP<CODE> is valid for 10 mins"),
        ("OTP (482913) for you, (020) 7946 0018", "OTP (<CODE>) for you, <PHONE>"),
        ("call 087187262701.50gbp", "call <ACCOUNT>"),
        ("code K7Q2XM", "code <CODE>"),
        ("รหัส482913คือ", "รหัส<CODE>คือ"),
        ("४८२९१३ आपका ओटीपी", "<CODE> आपका ओटीपी"),
        ("code 482913 Rs. 500 debited", "code <CODE> Rs. 500 debited"),
        ("@example.com #482913", "@example.com #<CODE>"),
        (
            "Rs 2,500.00 debited from a/c XX1234 on 12/11/2024 at 10:30",
            "Rs 2,500.00 debited from a/c <ACCOUNT> on 12/11/2024 at 10:30",
        ),
        ("card ending 1234 charged $45.10", "card ending <ACCOUNT> charged $45.10"),
        ("card 4111 1111 1111 1111", "card <CARD>"),
        ("ref 431298765432109", "ref <ACCOUNT>"),
        ("call +91 98765 43210 or 1800 258 6161", "call <PHONE> or <PHONE>"),
        ("mail bob.smith99@mail.com, pay bob@okbank", "mail <EMAIL>, pay <ACCOUNT>"),
        ("visit https://u:p@bank.com/reset?token=ab12cd.", "visit <URL bank.com>."),
        ("go to bob@evil.io/x", "go to <URL evil.io>"),
        ("hxxp://evil[.]io/482913", "<URL evil.io>"),
        ("http://482913.evil.com", "<URL ######.evil.com>"),
        ("500 INR, 30 rupees, 50% off, 24x7", "500 INR, 30 rupees, 50% off, 24x7"),
        ("12 Nov 2024, 2024-11-12, Nov 12, 2024, 23:59", "12 Nov 2024, 2024-11-12, Nov 12, 2024, 23:59"),
        ("3 days, 10 mins", "3 days, 10 mins"),
        ("VM-HDFCBK-T", "VM-HDFCBK-T"),
        ("+919876543210", "<PHONE>"),
        ("", ""),
    ],
)
def test_details_become_typed_placeholders(text: str, redacted: str) -> None:
    assert redact(text) == redacted


SCRIPTS = ["0123456789", "०१२३४५६७८९", "٠١٢٣٤٥٦٧٨٩", "๐๑๒๓๔๕๖๗๘๙", "০১২৩৪৫৬৭৮৯", "０１２３４５６７８９", "𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵"]
SEPARATORS = ["", " ", "-", ".", " - ", "  ", "_", "\u200b", "\u00a0", "·", "*"]
FRAMES = [
    "Your code is {}.",
    "{} is your OTP, valid for 10 mins",
    "OTP{}",
    "G-{} do not share",
    "code:{}(Ref:ZJWR)",
    "a/c XX{} debited Rs 500.00 on 12/11/2024",
    "call {} now",
    "<#> {}\nabcDEF",
    "รหัส{}คือ",
    "https://bank.com/{}?t={}#{}",
    "bank.com/reset/{}",
    "http://{}@evil.io/x",
    "mail u{}@mail.com",
    "“{}”",
    "[{}] {{{}}} <{}>",
]


def spell(digits: str, rng: random.Random) -> str:
    script, separator = rng.choice(SCRIPTS), rng.choice(SEPARATORS)
    group = rng.choice([1, 2, 3, 4, len(digits)])
    groups = [digits[i : i + group] for i in range(0, len(digits), group)]
    return separator.join(groups).translate({ord(str(n)): script[n] for n in range(10)})


def digits_of(text: str) -> str:
    return "".join(str(decimal(c)) for c in text if c.isdecimal())


@pytest.mark.parametrize("seed", range(40))
def test_no_canary_survives(seed: int) -> None:
    rng = random.Random(seed)
    for frame in FRAMES:
        canary = "".join(rng.choices("0123456789", k=rng.choice([3, 4, 5, 6, 7, 8, 10, 12, 16])))
        redacted = redact(frame.replace("{}", spell(canary, rng)))
        assert canary not in digits_of(redacted), frame


#: Letters that spell no currency, and nothing that makes a link.
words = st.text("abdklo éжकก漢,!?:;'()<>\"-", max_size=30)


@given(words, words, st.sampled_from(["482913", "4829 13", "4829-1300-77", "４８２９１３", "٤٨٢٩١٣"]))
def test_no_company_of_words_protects_a_code(before: str, after: str, code: str) -> None:
    redacted = redact(f"{before}{code}{after}")
    assert not re.search(r"\d", redacted)
    assert re.search(r"<(?:CODE|ACCOUNT|PHONE)>", redacted)


@given(st.lists(st.text("abcdeéकก", min_size=1), max_size=8).map(" ".join))
def test_words_stay(text: str) -> None:
    assert redact(text) == normalise(text).text  # which joins what is spelt out


@given(anything)
def test_any_text_is_redacted_without_error(text: str) -> None:
    assert len(redact(text)) <= 12 * len(text)
