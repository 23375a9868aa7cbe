from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from pipeline.normalise import normalise
from pipeline.rules import RuleBook
from pipeline.scoring import evidence
from pipeline.types import RuleHit
from tests.support.texts import anything

SHIPPED = RuleBook.load((Path(__file__).parents[3] / "configs" / "rules.yaml").read_text(), "configs/rules.yaml")

RULE = """
  - symbol: WORD
    target: spam
    score: 1.0
    describe: a word
    text: '\\bfree\\b'
"""


def book(symbols: str = "", lists: str = "{}") -> RuleBook:
    return RuleBook.load(f'version: "7"\nsymbols: [{symbols}]\nlists: {lists}\n', "r.yaml")


def rule(conditions: str) -> RuleBook:
    return book(f"{{symbol: A, target: spam, score: 1.5, describe: why, {conditions}}}")


def holds(conditions: str, text: str, sender: str = "", *, obfuscated: bool = False) -> bool:
    return bool(rule(conditions).check(text, sender, obfuscated=obfuscated))


@pytest.mark.parametrize(
    ("conditions", "text", "sender", "expected"),
    [
        ("text: 'fr.e'", "get it FREE", "", True),
        ("text: 'fr.e'", "no", "", False),
        ("text: [один, 'два']", "Два", "", True),
        ("text: free, also: [gift, prize]", "a prize, free", "", True),
        ("text: free, also: [gift, prize]", "free", "", False),
        ("text: free, unless: sugar", "sugar free", "", False),
        ("link: any", "see a.com", "", True),
        ("link: any", "see", "", False),
        ("link: none", "see", "", True),
        ("domain: [bit.ly]", "http://x.bit.ly/a", "", True),
        ("domain: [bit.ly]", "http://notbit.ly/a", "", False),
        ("host: '^\\d+\\.'", "go http://10.0.0.1/", "", True),
        ("sender: hdfc", "x", "VM-HDFCBK", True),
        ("sender: hdfc", "x", "", False),
        ("sender_kind: [short_code, e164]", "x", "57575", True),
        ("sender_kind: [short_code, e164]", "x", "BANK", False),
        ("sender_category: [T]", "x", "VM-HDFCBK-T", True),
        ("sender_category: [T]", "x", "VM-HDFCBK", False),
        ("text: x, sender_kind: [dlt], link: none", "x a.com", "VM-HDFCBK", False),
    ],
)
def test_conditions(conditions: str, text: str, sender: str, expected: bool) -> None:
    assert holds(conditions, text, sender) is expected


def test_obfuscation_is_a_condition() -> None:
    assert holds("obfuscated: true", "x", obfuscated=True)
    assert not holds("obfuscated: true", "x")


def test_known_and_unknown_links() -> None:
    lists = "{known: {domains: [bank.com]}, allow: {domains: [shop.com]}}"
    symbols = ", ".join(
        f"{{symbol: {name}, target: spam, score: 1, describe: d, link: {name.lower()}}}"
        for name in ("KNOWN", "UNKNOWN")
    )
    rules = book(symbols, lists)

    def symbols_of(text: str) -> list[str]:
        return [hit.symbol for hit in rules.check(text, "") if hit.decides is None]

    assert symbols_of("bank.com and my.shop.com") == ["KNOWN"]
    assert symbols_of("bank.com and evil.com") == ["UNKNOWN"]
    assert symbols_of("none") == []


def test_a_hit_says_why_in_the_words_of_the_file() -> None:
    assert rule("text: free").check("free", "") == (RuleHit("A", 1.5, "why", "spam"),)


def test_hits_come_in_the_order_of_the_file() -> None:
    names = ["Z", "Y", "X"]
    rules = book(", ".join(f"{{symbol: {n}, target: spam, score: 1, describe: d, text: {n.lower()}}}" for n in names))
    assert [hit.symbol for hit in rules.check("x y z", "")] == names


LISTS = (
    "{allow: {senders: [HDFCBK, '+44 7911 123456'], domains: [bank.com]}, deny: {senders: [SCAM], domains: [evil.io]}}"
)


@pytest.mark.parametrize(
    ("text", "sender", "symbols"),
    [
        ("x", "AD-HDFCBK-S", [("ALLOW_LIST_SENDER", "allow")]),
        ("x", "HDFCBK", [("ALLOW_LIST_SENDER", "allow")]),
        ("x", "+447911123456", [("ALLOW_LIST_SENDER", "allow")]),
        ("x", "SCAM", [("DENY_LIST_SENDER", "deny")]),
        ("a.bank.com", "", [("ALLOW_LIST_DOMAIN", "allow")]),
        ("bank.com b.bank.com", "", [("ALLOW_LIST_DOMAIN", "allow")]),
        ("bank.com and other.com", "", []),
        ("http://bank.com@other.com", "", []),
        ("bank.com.other.com", "", []),
        ("bank.com and x.evil.io", "", [("DENY_LIST_DOMAIN", "deny")]),
        ("evil.io", "HDFCBK", [("DENY_LIST_DOMAIN", "deny"), ("ALLOW_LIST_SENDER", "allow")]),
        ("x", "НDFCBK", []),
        ("x", "", []),
    ],
)
def test_lists(text: str, sender: str, symbols: list[tuple[str, str]]) -> None:
    hits = book(lists=LISTS).check(text, sender)
    assert [(hit.symbol, hit.decides) for hit in hits] == symbols
    assert all(hit.score == 0 for hit in hits)


@pytest.mark.parametrize("entry", ["+447700900123", "447700900123", "0044 7700 900123"])
@pytest.mark.parametrize("sender", ["+447700900123", "447700900123"])
def test_a_sender_is_denied_with_and_without_the_plus(entry: str, sender: str) -> None:
    (hit,) = book(lists=f"{{deny: {{senders: ['{entry}']}}}}").check("x", sender)
    assert hit.decides == "deny"


def test_a_text_that_hid_its_wording_is_not_allowed_for_its_links() -> None:
    text = normalise("see раураl.com now or never")
    assert text.text == "see paypal.com now or never"
    hits = book(lists="{allow: {domains: [paypal.com]}}").check(text.text, "", obfuscated=text.obfuscated)
    assert hits == ()


def test_reputation_joins_the_hits() -> None:
    reputation = RuleHit("SENDER_REPUTATION", 0.5, "reports")
    assert rule("text: free").check("no", "", reputation) == (reputation,)


def test_version_follows_the_content() -> None:
    first, second = rule("text: a").version, rule("text: b").version
    assert first.startswith("7+") and first != second
    assert rule("text: a").version == first


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f'version: "1"\nsymbols:{RULE}{RULE}', r"r\.yaml:9: symbols\[1\]\.symbol: WORD is taken"),
        (
            f'version: "1"\nsymbols:{RULE}'.replace("free", "(free"),
            r"r\.yaml:7: symbols\[0\]\.text: WORD: .*missing \)",
        ),
        (f'version: "1"\nsymbols:{RULE}'.replace("free", "(?=x)"), r"r\.yaml:7: .*WORD: not a pattern of RE2"),
        (f'version: "1"\nsymbols:{RULE}'.replace("free", r"(a)\1"), r"r\.yaml:7: .*WORD: not a pattern of RE2"),
        (f'version: "1"\nsymbols:{RULE}'.replace("text:", "texts:"), r"r\.yaml:7: symbols\[0\]\.texts: .*unknown"),
        (f'version: "1"\nsymbols:{RULE}'.replace("score: 1.0", "score: 9"), r"r\.yaml:5: symbols\[0\]\.score"),
        (f'version: "1"\nsymbols:{RULE}'.replace("WORD", "Word"), r"r\.yaml:3: symbols\[0\]\.symbol"),
        (f'version: "1"\nsymbols:{RULE}'.replace("WORD", "SENDER_REPUTATION"), r"r\.yaml:3: .*is taken"),
        (f'version: "1"\nsymbols:{RULE}'.replace("target: spam", "target: ham"), r"r\.yaml:4: symbols\[0\]\.target"),
        (f'version: "1"\nsymbols:{RULE}'[: -len("    text: '\\bfree\\b'\n")], r"r\.yaml:3: .*WORD has no condition"),
        (f'version: "1"\nsymbols:{RULE}    domain: [http://a.com]\n', r"r\.yaml:8: .*WORD: not a domain"),
        (f'version: "1"\nsymbols:{RULE}    text: again\n', r"r\.yaml:8: key 'text' stands here twice"),
        (
            'version: "1"\nlists:\n  deny:\n    domains:\n      - a.com\n      - Evil\n',
            r"r\.yaml:6: lists\.deny\.domains\[1\]",
        ),
        ('version: "1"\nlists: {allow: {senders: [ABC]}, deny: {senders: [abc]}}', r"r\.yaml:2: .*deny list as well"),
        (
            'version: "1"\nlists: {allow: {senders: ["447700900123"]}, deny: {senders: ["+447700900123"]}}',
            r"r\.yaml:2: .*deny list as well",
        ),
        ("version: 1", r"r\.yaml:1: version: Expected `str`, got `int`"),
        ("symbols: []", r"r\.yaml:1: .*missing required field `version`"),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_symbol(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        RuleBook.load(text, "r.yaml")


def test_patterns_that_are_too_large_together_are_refused() -> None:
    symbols = ", ".join(
        f"{{symbol: S{n}, target: spam, score: 1, describe: d, text: '(?:\\pL{{1,60}} ){{2}}x{n}'}}" for n in range(60)
    )
    with pytest.raises(ConfigError, match=r"r\.yaml: 60 patterns are too large together"):
        book(symbols)


PHISHING = [
    (
        "USPS: your package is on hold due to an unpaid shipping fee. Pay at https://usps-redelivery.top/x",
        "PARCEL_FEE_LINK",
    ),
    ("Royal Mail: a £1.99 shipping fee is needed for your parcel https://royalmail.fee-pay.com", "PARCEL_FEE_LINK"),
    (
        "Dear customer your SBI YONO account will be blocked today update PAN card http://sbi-kyc.in/x",
        "KYC_EXPIRY_LINK",
    ),
    ("Your Netflix membership is suspended: http://a.b-c.co/x", "ACCOUNT_LOCKED_LINK"),
    ("HMRC: you are owed a refund of £265.20, claim at hmrc.tax-claim.co/x", "TAX_REFUND_LINK"),
    ("E-ZPass: unpaid toll of $6.99, avoid late fees: ezpass.com-vx.top/us", "TOLL_UNPAID_LINK"),
    ("Hi mum, my phone broke, this is my new number, text me on whatsapp", "FAMILY_NEW_NUMBER"),
    ("Log in at http://192.168.10.5/bank", "IP_HOST_LINK"),
    ("http://paypal.com.secure-x.top/login", "LOOKALIKE_BANK_DOMAIN"),
]
SPAM = [
    ("Congratulations! You have won a £1000 prize. To claim call 09061701461 now", "PRIZE_CLAIM"),
    ("Part time job! Earn Rs 5000 daily, contact on WhatsApp wa.me/91", "JOB_TASK_OFFER"),
    ("Elon is doubling your bitcoin, free airdrop, claim now", "CRYPTO_GIVEAWAY"),
]
HONEST = [
    ("Your OTP for HDFC Bank login is 482913. Do not share.", "VM-HDFCBK-T"),
    ("G-482913 is your Google verification code.", "GOOGLE"),
    ("Tu código de verificación es 482913. No lo compartas.", "BBVA"),
    ("Rs 2,500.00 debited from a/c XX1234 on 12-11-24. Avl bal Rs 9,120. Not you? Call 18002586161.", "AD-ICICIB-S"),
    ("Your card ending 1234 was charged $45.10 at WALMART.", "227462"),
    ("Your parcel arrives today between 10 and 12. Track it at https://www.royalmail.com/track/x", "ROYALMAIL"),
    ("Your table for 4 is booked for Friday 19:30.", "OPENTABLE"),
    ("Running late, see you at the station at 7.30pm, can you pick me up?", "+447911123456"),
    ("Mum can you call me when you're home? x", "+447911123456"),
]


@pytest.mark.parametrize(("text", "symbol"), PHISHING + SPAM)
def test_shipped_rules_name_known_frauds(text: str, symbol: str) -> None:
    hits = SHIPPED.check(normalise(text).text, "")
    assert symbol in {hit.symbol for hit in hits}
    assert evidence(hits, "phishing") + evidence(hits, "spam") > 0


@pytest.mark.parametrize(("text", "sender"), HONEST)
def test_shipped_rules_hold_nothing_against_honest_messages(text: str, sender: str) -> None:
    hits = SHIPPED.check(normalise(text).text, sender)
    assert evidence(hits, "spam") <= 0
    assert evidence(hits, "phishing") <= 0


@given(anything, st.text(max_size=12) | anything)
def test_details_never_carry_the_message(text: str, sender: str) -> None:
    described = {rule.hit.detail for rule in SHIPPED._rules}
    assert {hit.detail for hit in SHIPPED.check(text, sender)} <= described


def test_a_message_that_cannot_be_checked_leaves_its_neighbours_alone(caplog: pytest.LogCaptureFixture) -> None:
    reputation = RuleHit("SENDER_REPUTATION", 0.5, "reports")
    texts = ["free", "secret \ud800", "no", "free"]
    hits = rule("text: free").check_all(texts, ["", "BANK", "BANK", ""], {"BANK": reputation}, [False] * 4)
    assert hits == [(RuleHit("A", 1.5, "why", "spam"),), None, (reputation,), (RuleHit("A", 1.5, "why", "spam"),)]
    assert "UnicodeEncodeError at " in caplog.text
    assert "secret" not in caplog.text


@given(st.lists(st.tuples(anything, anything, st.booleans()), max_size=5))
def test_many_messages_are_checked_as_one(messages: list[tuple[str, str, bool]]) -> None:
    alone = [SHIPPED.check(text, sender, obfuscated=hidden) for text, sender, hidden in messages]
    texts, senders, hidden = ([m[i] for m in messages] for i in range(3))
    assert SHIPPED.check_all(texts, senders, {}, hidden) == alone
