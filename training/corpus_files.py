"""How each public corpus is read: a parser takes a file's name and whole text and gives its usable rows, in order."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.types import INTENTS, NOT_OTP
from training.dedupe import drop_conflicts
from training.examples import Example


def _rows(text: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(text, newline=""))


def ham(text: str, source: str, country: str, kind: str) -> Example:
    return Example(
        text=text, spam=False, phishing=False, otp=False, intent=NOT_OTP, source=source, country=country, kind=kind
    )


def spam(text: str, source: str, country: str, kind: str, phishing: bool | None) -> Example:
    return Example(
        text=text, spam=True, phishing=phishing, otp=False, intent=NOT_OTP, source=source, country=country, kind=kind
    )


def uci(_: str, text: str) -> Iterator[Example]:
    """Its spam mixes premium-rate adverts with prize fraud, so it says nothing of phishing."""
    for line in text.splitlines():
        label, _tab, body = line.partition("\t")
        if body.strip():
            yield ham(body, "uci", "", "chat") if label == "ham" else spam(body, "uci", "GB", "spam", None)


def mishra_soni(_: str, text: str) -> Iterator[Example]:
    """Texts with conflicting labels are left out."""
    examples = []
    for row in _rows(text):
        label, body = row["LABEL"].strip().lower(), row["TEXT"]
        if label == "ham":
            examples.append(ham(body, "mishra_soni", "", "chat"))
        elif label in ("spam", "smishing"):
            examples.append(spam(body, "mishra_soni", "", label, phishing=label == "smishing"))
    yield from drop_conflicts([example for example in examples if example.text.strip()])


#: Service messages that stand among the promotions: codes, missed calls, consignments.
_INDIA_SERVICE = re.compile(r"\bOTP\b|missed call|\bAWB\b|has been (?:credited|debited|delivered)", re.IGNORECASE)


def india(_: str, text: str) -> Iterator[Example]:
    """Only the operator promotions; the other side is a chat export, not SMS. Rows lost to encoding are left out."""
    for row in _rows(text):
        body = row["Msg"]
        if row["Label"] == "spam" and body.count("?") < 0.2 * len(body) and not _INDIA_SERVICE.search(body):
            yield spam(body, "india_junioralive", "IN", "promotion", False)


def nus(_: str, text: str) -> Iterator[Example]:
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["text"].strip():
            yield ham(row["text"], "nus", row["country"], "chat")


def samsung(_: str, text: str) -> Iterator[Example]:
    """Its label "spam" includes codes and service messages, so those rows stay unlabelled."""
    for row in _rows(text):
        label = row.get("Label") or "unlabelled"
        known = False if label in ("ham", "info") else None
        yield Example(text=row["Message"], spam=known, phishing=known, source="samsung", country="IN", kind=label)


def seed(file: str, text: str) -> Iterator[Example]:
    for row in _rows(text):
        intent = row["predicted_otp_intent"]
        if intent in INTENTS and row["sms_text"].strip():
            yield Example(
                text=row["sms_text"],
                spam=False,
                phishing=False,
                otp=row["predicted_is_otp"] == "True",
                intent=intent,
                source="seed_synthetic",
                country="IN",
                kind="otp",
                group=Path(file).stem,
            )


def thai(_: str, text: str) -> Iterator[Example]:
    """Its scams mix casinos with fraud, so they say nothing of phishing; its codes carry no intent.

    What it calls OK mixes notices with adverts.
    """
    for line in text.splitlines():
        label, _bar, body = line.partition("|")
        if not body.strip():
            continue
        match label.strip().lower():
            case "otp":
                yield Example(text=body, spam=False, phishing=False, otp=True, source="thai", country="TH", kind="otp")
            case "ok":
                yield ham(body, "thai", "TH", "notice_or_advert")
            case "scam":
                yield spam(body, "thai", "TH", "scam", None)
            case "spam":
                yield spam(body, "thai", "TH", "promotion", False)


def dstc8(_: str, text: str) -> Iterator[Example]:
    for line in text.splitlines():
        if line.strip():
            yield Example(text=line, source="dstc8", kind="assistant")
