import pytest

from pipeline.redaction.names import hide_names
from pipeline.redaction.veil import unveil


def named(text: str) -> str:
    return unveil(hide_names(text))


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Dear Ravi Kumar, your OTP", "Dear <NAME>, your OTP"),
        ("DEAR RAVI KUMAR YOUR OTP IS", "DEAR <NAME> YOUR OTP IS"),
        ("dear ravi kumar your otp", "dear <NAME> your otp"),
        ("hi ravi, use this", "hi <NAME>, use this"),
        ("Hi Ravi. Your code", "Hi <NAME>. Your code"),
        ("Hello, Ravi! Use it", "Hello, <NAME>! Use it"),
        ("Dear R. K. Sharma, hello", "Dear <NAME>, hello"),
        ("Dear Mr. O'Brien-Smith, OTP", "Dear Mr. <NAME>, OTP"),
        ("paid to Mrs Jane Doe today", "paid to Mrs <NAME> today"),
        ("Hola Juan de la Cruz García, tu código", "Hola <NAME>, tu código"),
        ("Estimado(a) Carlos Pérez: su código", "Estimado(a) <NAME>: su código"),
        ("Prezada Ana, seu código", "Prezada <NAME>, seu código"),
        ("Cher Éric, votre code", "Cher <NAME>, votre code"),
        ("Lieber Jürgen, dein Code", "Lieber <NAME>, dein Code"),
        ("Caro Luca, il tuo", "Caro <NAME>, il tuo"),
        ("प्रिय रवि कुमार, आपका", "प्रिय <NAME>, आपका"),
        ("Здравствуйте, Иван! Код", "Здравствуйте, <NAME>! Код"),
        ("Sayın Ahmet Yılmaz, kodunuz", "Sayın <NAME>, kodunuz"),
        ("尊敬的王小明,您的验证码", "尊敬的<NAME>,您的验证码"),
        ("田中様、認証コード", "<NAME>様、認証コード"),
        ("Dear Ravi Kumar User ID", "Dear <NAME> User ID"),
    ],
)
def test_names_behind_greetings_and_titles_go(text: str, redacted: str) -> None:
    assert named(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Dear Customer, your OTP",
        "dear valued customer your otp",
        "Dear HDFC Bank Customer, your OTP",
        "Hi there, your code",
        "Hello! Your code is here",
        "Hello, Use this code",
        "Hi this is your code",
        "Estimado cliente, su código",
        "Sehr geehrte Damen und Herren",
        "प्रिय ग्राहक, आपका",
        "尊敬的客户,您的验证码",
        "お客様の認証コード",
        "고객님 인증번호",
        "Amt SAR DR Desc",
        "Share your PAN Card",
        "bu kod gizlidir",
    ],
)
def test_who_is_nobody_stays(text: str) -> None:
    assert named(text) == text
