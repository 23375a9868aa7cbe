import pytest

from training.evaluation.script import script_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Your code is 1234", "Latin"),
        ("Şifreniz: ığdır", "Latin"),
        ("आपका ओटीपी 1234 है", "Devanagari"),
        ("رمز التحقق OTP هو 1234", "Arabic"),
        ("รหัสของคุณคือ 1234", "Thai"),
        ("您的验证码是 1234", "Han"),
        ("認証コードは1234です", "Japanese"),
        ("ｆｒｅｅ money", "Latin"),
        ("12:30 €5!", ""),
    ],
)
def test_the_script_of_most_letters(text: str, script: str):
    assert script_of(text) == script
