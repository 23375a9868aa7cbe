"""Feedback of customers as examples to learn from."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

from pipeline.clients.feedback_log import FeedbackLog, LabelledText
from pipeline.clients.postgres import Database
from pipeline.types import INTENTS, NOT_OTP
from training.dedupe import exact_key
from training.examples import Example

Known = dict[str, bool | str | None]  #: label fields of Example

_NO_CODE: Known = {"otp": False, "intent": NOT_OTP}
#: What a label says and no more: "spam" leaves open whether it is phishing, "otp" whether it is wanted.
_SAYS: dict[str, Known] = {
    "spam": {"spam": True},
    "ham": {"spam": False, "phishing": False},
    "phishing": {"spam": True, "phishing": True},
    "otp": {"otp": True},
    "not_otp": _NO_CODE,
    **{intent: {"otp": True, "intent": intent} for intent in INTENTS},
    NOT_OTP: _NO_CODE,
}


def feedback_examples(url: str, since: datetime | None = None) -> list[Example]:
    """Feedback with a text from the database at `url`, one example a message of each tenant.

    Args:
        url: postgresql://…
        since: only what was stored or changed from then on; None: all.

    Raises:
        ConfigError: the URL is malformed.
        Unavailable: Postgres is down or too slow.
    """
    return settle(asyncio.run(_rows(url, since)))


def settle(rows: Iterable[LabelledText]) -> list[Example]:
    """One example for each (tenant, message), in order of both.

    Of a message's labels that contradict each other the latest counts. Texts that get different answers all the same,
    mostly from two tenants, are left out, and so are labels that this version does not know.
    """
    messages: dict[tuple[str, str], list[LabelledText]] = defaultdict(list)
    for row in rows:
        if row.label in _SAYS:
            messages[row.tenant, row.message].append(row)
    examples = [_merged(messages[key]) for key in sorted(messages)]
    disputed = _disputed(examples)
    return [example for example in examples if exact_key(example.text) not in disputed]


def told(label: str, known: Known) -> Known:
    """What is known of a message once somebody has given it this label.

    Raises:
        KeyError: there is no such label.
    """
    says = _SAYS[label]
    for task, detail in (("spam", "phishing"), ("otp", "intent")):
        if task in says and known.get(task) != says[task]:
            known = known | {detail: None}  # it followed from an answer that no longer stands
    return known | says


def _merged(rows: list[LabelledText]) -> Example:
    """All that is known of one message, with its latest text."""
    ordered = sorted(rows, key=lambda row: (row.updated_at, row.id))
    known: Known = {}
    for row in ordered:
        known = told(row.label, known)
    return msgspec.convert({"text": ordered[-1].text, "source": "feedback", **known}, Example)


def _disputed(examples: Iterable[Example]) -> set[str]:
    """Keys of the texts that get two answers to one question."""
    answers: dict[tuple[str, str], set[object]] = defaultdict(set)
    for example in examples:
        for task in ("spam", "phishing", "otp", "intent"):
            answers[exact_key(example.text), task].add(getattr(example, task))
    return {key for (key, _), given in answers.items() if len(given - {None}) > 1}


async def _rows(url: str, since: datetime | None) -> list[LabelledText]:
    database = await Database.open(url)
    try:
        return [row async for row in FeedbackLog(database).texts(since)]
    finally:
        await database.close()
