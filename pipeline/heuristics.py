"""The 23 binary heuristics of the reference document (Appendix A.2.2), in its order, and our own extra features.

All patterns of one kind are matched in a single linear pass by an RE2 set, whatever the text.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import re2

from pipeline.types import Floats


class Heuristic(NamedTuple):
    """A binary feature: whether the pattern occurs, ignoring case."""

    name: str
    pattern: str


#: Matched on the canonical text. `\b` keeps "win" from "window"; inflections are spelled out.
TEXT_HEURISTICS: tuple[Heuristic, ...] = (
    # Basic text patterns
    Heuristic("has_digits", r"\d"),
    Heuristic("has_otp_keyword", r"\botps?\b"),
    Heuristic("has_security_warning", r"\b(?:do not|never|don'?t) share\b"),
    Heuristic("has_url", r"https?://|\bwww\."),
    # Phishing indicators
    Heuristic("has_action_word", r"\b(?:log ?in|verify|update|click|call|share)\b"),
    Heuristic("has_bank_security_phrase", r"\bbank never asks\b|\botp is secret\b|\bdo not disclose\b"),
    Heuristic("has_sms_block_reference", r"\bsms block 7007\b"),
    Heuristic(
        "has_reward_keyword",
        r"\b(?:reward(?:s|ed)?|win(?:s|ner|ners|ning|nings)?|cash ?back|lotter(?:y|ies)|prizes?|gifts?)\b",
    ),
    Heuristic(
        "has_trading_keyword",
        r"\b(?:trad(?:e|es|er|ers|ing)|demat|stocks?|shares? market|broker(?:s|age)?|invest(?:ment|ments|or|ors|ing)?"
        r"|mutual funds?|sip|ipo|nifty|sensex|nse|bse|forex|crypto|bitcoin|zerodha|groww|upstox|angel one|robinhood"
        r"|etoro|coinbase|binance)\b",
    ),
    # OTP context indicators
    Heuristic(
        "has_social_app",
        r"\b(?:whatsapp|instagram|facebook|twitter|snapchat|tiktok|telegram|linkedin|netflix|spotify|youtube|discord"
        r"|hotstar|prime video|tinder|bumble|google|apple id|microsoft)\b",
    ),
    Heuristic(
        "has_delivery_keyword",
        r"\b(?:deliver(?:y|ies|ed|ing)?|couriers?|packages?|parcels?|orders?|ordered|shipments?|shipped"
        r"|track(?:ing|ed)?)\b",
    ),
    Heuristic("has_upi_or_pin", r"\b(?:upi|unified payments?|m?pin|device (?:linking|binding)|link(?:ing)? device)\b"),
    Heuristic(
        "has_kyc_or_esign",
        r"\be?-?kyc\b|\bknow your customer\b|\be-?sign(?:ing|ature)?\b|\bdocument sign(?:ing|ature)?\b"
        r"|\bsign document\b",
    ),
    Heuristic(
        "has_account_change",
        r"\b(?:reset (?:\w+ ){0,2}pass(?:word|code)|password (?:reset|change)"
        r"|(?:change|update|updating|changing) (?:\w+ ){0,3}(?:password|profile|phone|mobile|email|e-mail|number))\b",
    ),
    Heuristic(
        "has_otp_phrase",
        r"\bone[ -]time (?:password|passcode|pin|code)\b|\b(?:verification|authentication|security|confirmation) code\b"
        r"|\bcode is\b",
    ),
    # Financial patterns
    Heuristic("has_currency_amount", r"(?:\binr|\brs\.?|₹) ?\d"),
    Heuristic(
        "has_masked_account", r"\b[x*]{2,}\d{3,4}\b|\*{2,}\d{3,4}\b|\b(?:card|account|a/c) (?:no\.? ?)?(?:xx|\*)"
    ),
    Heuristic("has_urgency", r"\b(?:urgent(?:ly)?|immediate(?:ly)?|act now|expires? soon|limited time)\b"),
    # Suspicious links
    Heuristic("has_shortened_url", r"\bbit\.ly\b|\btinyurl\b|\bshort\.link\b|\bclick here\b|\bverify link\b"),
)

#: Matched on the sender, "" when unknown.
SENDER_HEURISTICS: tuple[Heuristic, ...] = (
    Heuristic("sender_financial", r"icici|hdfc|sbi|axis|kotak|zerodha|groww|upstox|paytm|phonepe|gpay"),
    Heuristic("sender_commerce", r"swiggy|zomato|amazon|flipkart|delhivery|bluedart"),
    Heuristic("sender_social", r"netflix|spotify|instagram|facebook|twitter"),
    Heuristic("sender_numeric", r"^\+?\d{10,12}$"),
)

HEURISTICS: tuple[str, ...] = tuple(h.name for h in TEXT_HEURISTICS + SENDER_HEURISTICS)


class PatternSet:
    """Which of several patterns occur in a text, ignoring case: one pass, time linear in the text."""

    def __init__(self, patterns: Sequence[str]) -> None:
        options = re2.Options()
        options.case_sensitive = False
        options.log_errors = False
        options.max_mem = 64 << 20
        self._set = re2.Set.SearchSet(options)
        for pattern in patterns:
            self._set.Add(pattern)
        self._set.Compile()

    def matches(self, text: str) -> list[int]:
        """Indices of the patterns that occur, in no particular order."""
        found: list[int] | None = self._set.Match(text)
        return found or []


_TEXT = PatternSet([h.pattern for h in TEXT_HEURISTICS])
_SENDER = PatternSet([h.pattern for h in SENDER_HEURISTICS])


def heuristic_matrix(texts: Sequence[str], senders: Sequence[str]) -> Floats:
    """float32[N, 23] of 0 and 1: the heuristics of canonical texts and senders, columns named by `HEURISTICS`."""
    places: list[int] = []
    width, offset = len(HEURISTICS), len(TEXT_HEURISTICS)
    for row, (text, sender) in enumerate(zip(texts, senders, strict=True)):
        places.extend(row * width + index for index in _TEXT.matches(text))
        if sender:
            places.extend(row * width + offset + index for index in _SENDER.matches(sender))
    matrix = np.zeros(len(texts) * width, dtype=np.float32)
    matrix[np.asarray(places, dtype=np.intp)] = 1.0
    return matrix.reshape(len(texts), width)


def heuristics(text: str, sender: str) -> list[float]:
    """The 23 heuristics of one message, each 0.0 or 1.0."""
    return [float(value) for value in heuristic_matrix([text], [sender])[0]]
