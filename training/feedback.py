"""Feedback of customers as examples to learn from."""

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b

import msgspec

from pipeline.clients.feedback_log import FeedbackLog, LabelledText
from pipeline.clients.postgres import Database
from pipeline.types import INTENTS, NOT_OTP
from training.dedupe import exact_key
from training.examples import Example

Known = dict[str, bool | str | None]  #: label fields of Example

_CROWD = 3  # fewer tenants than this cannot each have a third
_ROUNDING = 1e-9

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


class Caps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much anybody can teach by feedback. One row is one message of a tenant."""

    sender_rows: int = 20  #: about one sender, of all tenants together; rows without a sender are not bounded by it
    tenant_share: float = 1 / 3  #: of all rows, of any one tenant, where there are three tenants or more
    tenant_rows: int = 5_000  #: of any one tenant where there are fewer


CAPS = Caps()


class Taught(msgspec.Struct, frozen=True):
    """One row: what is known of a message, and who says so."""

    tenant: str
    message: str
    sender_key: str
    example: Example


def feedback_examples(url: str, since: datetime | None = None, caps: Caps = CAPS) -> list[Example]:
    """Feedback with a text from the database at `url`, one example a message of each tenant.

    Args:
        url: postgresql://…
        since: only what arrived or was changed from then on; None: all.
        caps: see `capped`.

    Raises:
        ConfigError: the URL is malformed.
        Unavailable: Postgres is down or too slow.
    """
    return settle(asyncio.run(_rows(url, since)), caps)


def settle(rows: Iterable[LabelledText], caps: Caps = CAPS) -> list[Example]:
    """One example for each (tenant, message), in order of both, as far as the caps allow.

    Of a message's labels that contradict each other the latest counts. Texts that get different answers all the same,
    mostly from two tenants, are left out, and so are labels that this version does not know.
    """
    messages: dict[tuple[str, str], list[LabelledText]] = defaultdict(list)
    for row in rows:
        if row.label in _SAYS:
            messages[row.tenant, row.message].append(row)
    taught = [_merged(messages[key]) for key in sorted(messages)]
    disputed = _disputed(each.example for each in taught)
    agreed = [each for each in taught if exact_key(each.example.text) not in disputed]
    return [each.example for each in capped(agreed, caps)]


def capped(taught: Sequence[Taught], caps: Caps) -> list[Taught]:
    """As many rows as the caps allow, in order: nobody shall be able to teach the models what he likes.

    Which rows stay depends on hashes of their messages alone: it is the same on every run, and another row moves few.
    """
    by_sender = _thinned(taught, [each.sender_key for each in taught], caps.sender_rows, unbounded=("",))
    tenants = [each.tenant for each in by_sender]
    counts = list(Counter(tenants).values())
    most = level(counts, caps.tenant_share) if len(counts) >= _CROWD else caps.tenant_rows
    return _thinned(by_sender, tenants, most)


def level(counts: Sequence[int], share: float) -> int:
    """The most rows that each may have so that nobody has more than his share of what is left.

    Args:
        counts: rows of each tenant.
        share: 0-1; less than an equal share is taken for an equal share.
    """
    share = max(share, 1 / len(counts))

    def is_too_much(most: int) -> bool:
        return most > share * sum(min(count, most) for count in counts) + _ROUNDING

    return bisect_left(range(1, max(counts) + 1), True, key=is_too_much)  # once it is too much, more is so as well


def _thinned(
    taught: Sequence[Taught], owners: Sequence[str], most: int, unbounded: Collection[str] = ()
) -> list[Taught]:
    """At most so many rows of each owner, in order."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, owner in enumerate(owners):
        places[owner].append(place)
    kept: list[int] = []
    for owner, its in places.items():
        kept += its if owner in unbounded else sorted(its, key=lambda place: _draw(taught[place]))[:most]
    return [taught[place] for place in sorted(kept)]


def _draw(taught: Taught) -> bytes:
    return blake2b(f"{taught.tenant}\0{taught.message}".encode(), digest_size=8).digest()


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


def _merged(rows: list[LabelledText]) -> Taught:
    """All that is known of one message, with its latest text."""
    ordered = sorted(rows, key=lambda row: (row.updated_at, row.id))
    known: Known = {}
    for row in ordered:
        known = told(row.label, known)
    example = msgspec.convert({"text": ordered[-1].text, "source": "feedback", **known}, Example)
    sender_key = max(row.sender_key for row in ordered)  # labels that came without a receipt know no sender
    return Taught(ordered[-1].tenant, ordered[-1].message, sender_key, example)


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
