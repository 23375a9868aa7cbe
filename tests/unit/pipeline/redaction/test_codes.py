import pytest

from pipeline.redaction.codes import hide_letter_codes, hide_signature
from pipeline.redaction.veil import unveil


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Your code is KXMPQT.", "Your code is <CODE>."),
        ("OTP: abC-DeF now", "OTP: <CODE> now"),
        ("password: tulip next", "password: <CODE> next"),
        ("contraseña = Tulipán", "contraseña = <CODE>"),
        ("KXMPQT is your login code", "<CODE> is your login code"),
        ("go on with sid=zebediah&x", "go on with sid=<CODE>&x"),
        ("go on with token=zebediah", "go on with token=<CODE>"),
    ],
)
def test_words_announced_as_codes_go(text: str, redacted: str) -> None:
    assert unveil(hide_letter_codes(text)) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "YOUR OTP IS CONFIDENTIAL",
        "Your code is valid for long",
        "OTP: Your code",
        "password: do not share",
        "THIS IS YOUR CODE",
        "Your code for APP_LOGIN_OTP",
    ],
)
def test_words_of_a_sentence_stay(text: str) -> None:
    assert unveil(hide_letter_codes(text)) == text


@pytest.mark.parametrize("signature", ["FA+9qCX9VSu", "vFmQtewzmWO", "LiBVmoc/baO", "4s1pNa6p8w9"])
def test_the_signature_of_an_app_goes(signature: str) -> None:
    assert unveil(hide_signature(f"Your code {signature}")) == "Your code <CODE>"
    assert unveil(hide_signature(f"{signature} @example.com")) == "<CODE> @example.com"


@pytest.mark.parametrize("word", ["information", "HDFCSECUREX", "Terms/Conds", "09876543210"])
def test_a_word_of_eleven_letters_stays(word: str) -> None:
    assert hide_signature(f"Your {word}") == f"Your {word}"
