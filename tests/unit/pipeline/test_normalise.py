import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.normalise import Normalised, normalise

#: Characters that meet each other in the rules: joiners, marks, look-alikes, styled letters, blanks, ligatures.
AWKWARD = (
    "ab Z1é\u00a0\u200b\u200c\u200d\u200e\u202e\u00ad\ufe0f\x00\x1c\n\u0301\u0336\u0323\u20dd"
    "расвпжЖΑαωߏհᎠꓐᴀ𝗙Ｆⓕ🅰🅱🄲©´¨\x81\x92\x85’—…ﷺ㌖ﬁक्ा\u0644\u06cc\u1160\u3164\u2800\U000e0061🏴👩ｶﾞ가ᄀ\u1161ı̇İẹ"
)
texts = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"])), max_size=40)


@given(texts)
@settings(max_examples=500)
def test_canonical_text_is_a_fixed_point(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once


@given(texts)
def test_canonical_text_is_bounded_trimmed_and_single_spaced(text: str) -> None:
    canonical = normalise(text).text
    assert len(canonical) <= 6 * len(text)
    assert canonical == " ".join(canonical.split())


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ascii_only_loses_blanks_and_the_marks_of_spelt_out_words(text: str) -> None:
    result = normalise(text)
    assert not result.obfuscated
    assert [c for c in result.text if c.isalnum()] == [c for c in text if c.isalnum()]


@given(st.lists(st.text("abcdefgh12", min_size=2, max_size=6)))
def test_whole_words_are_never_joined(words: list[str]) -> None:
    assert normalise(" ".join(words)).text == " ".join(words)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("F.R.E.E entry", "FREE entry"),
        ("c-l-a-i-m it", "claim it"),
        ("your w i n n e r today", "your winner today"),
        ("w i n n e r  c l a i m  it", "winner claim it"),
        ("p_r_i_z_e!", "prize!"),
        ("g.r.á.t.i.s ya", "grátis ya"),
    ],
)
def test_words_that_are_spelt_out_are_joined(text: str, canonical: str) -> None:
    assert normalise(text) == Normalised(canonical, False)


@pytest.mark.parametrize(
    "text",
    [
        "r u o k",
        "the U.S.A. today",
        "e.g. this i.e. that",
        "plan B a day",
        "1.2.3.4",
        "x-y-z",
        "http://a.b.c.d.com/x",
        "t.e.s.t.s@example.com",
        "see a.b.c.d.example.org",
    ],
)
def test_abbreviations_and_addresses_stay(text: str) -> None:
    assert normalise(text) == Normalised(text, False)


@pytest.mark.parametrize(
    "text",
    [
        "Привет, как дела? Ваш код 4821",
        "Оплата SMS-кой через USBшнур, VIPы в Tele2",
        "Здравствуйте, Сара и Рома ждут вас в ТЦ OZON",
        "Το δέμα σας θα παραδοθεί αύριο",
        "आपका ओटीपी 482913 है",
        "क्\u200dष",
        "സന്\u200d",
        "می\u200cخواهم به خانه بروم",
        "رمز التحقق الخاص بك هو 4821",
        "รหัส OTP ของคุณคือ 482913",
        "Mã xác thực của bạn là 4821, không chia sẻ",
        "Şifreniz: ığüşöç İstanbul",
        "Voilà, ça coûte 5 €",
        "5 μm of β-carotene at 37 °C",
        "ẹ́ gbàgbé",
        "ﷺ",
        "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ",
        "お荷物のお届け",
        "❤ 🅿 👍",
    ],
)
def test_real_languages_stay_as_they_are(text: str) -> None:
    result = normalise(text)
    assert result.text == text
    assert not result.obfuscated


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("Your ассоunt at Рayраl", "Your account at Paypal"),
        ("раураl wins you money", "paypal wins you money"),
        ("a big Wіппer today", "a big Winner today"),
        ("fr\u200bee mo\u00adney n\u2060ow", "free money now"),
        ("f\x00ree", "free"),
        ("𝗙𝗥𝗘𝗘 𝓶𝓸𝓷𝓮𝔂", "FREE money"),
        ("ＦＲＥＥ prize", "FREE prize"),
        ("ⓕⓡⓔⓔ", "free"),
        ("🅵🆁🅴🅴 🄶🄸🄵🅃", "FREE GIFT"),
        ("ᴀᴄᴄᴏᴜɴᴛ ʟᴏᴄᴋᴇᴅ", "account locked"),
        ("C\u0336\u0322l\u0360a\u0338i\u0315m\u0489 now", "Claim now"),
        ("\u202etext", "text"),
        ("hi\U000e0062\U000e0075\U000e0079 there", "hi there"),
        ("Αccоunt Κ", "Account Κ"),
    ],
)
def test_hidden_wording_is_uncovered_and_told(text: str, canonical: str) -> None:
    result = normalise(text)
    assert result.text == canonical
    assert result.obfuscated


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("don’t “quote” – ok…", 'don\'t "quote" - ok...'),
        ("don´t", "don't"),
        ("I\x92m \x93ok\x94\x85 \x80\x815", 'I\'m "ok"... €5'),
        ("tonightâ\xc2\x80\xc2\x99s", "tonightâÂ€ÂTMs"),
        ("£5\u00a0off\u2009today\u3000ok", "£5 off today ok"),
        ("  two\r\n\tlines ", "two lines"),
        ("👨\u200d👩\u200d👧 ❤\ufe0f 1\ufe0f\u20e3", "👨👩👧 ❤ 1\u20e3"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴"),
        ("\ufeffHello", "Hello"),
        ("สวัสดี\u200bครับ", "สวัสดีครับ"),
        ("ＡＢＣ銀行", "ABC銀行"),
        ("cafe\u0301", "café"),
        ("a\u2800b", "a b"),
        ("क\u200b\u200d\u200d", "क\u200d"),
        ("\u200b", ""),
    ],
)
def test_mere_variation_is_levelled_without_alarm(text: str, canonical: str) -> None:
    result = normalise(text)
    assert result.text == canonical
    assert not result.obfuscated
