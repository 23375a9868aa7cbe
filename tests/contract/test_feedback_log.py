"""Feedback on a real Postgres."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, permutations

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.feedback_log import FeedbackLog, Outcome
from pipeline.clients.postgres import Database
from pipeline.errors import InvalidField, NotFound
from pipeline.feedback import Feedback, for_message

_seconds = count()

SECRET_TEXT = "Dear Zebediah, your parcel waits"


def feedback(tenant: str, label: str = "spam", **fields: object) -> Feedback:
    """Given a second after the one before, unless told when."""
    given = {"receipt_id": "r-1", "given_at": 1_700_000_000.0 + next(_seconds), **fields}
    return Feedback(tenant=tenant, label=label, **given)  # type: ignore[arg-type]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


async def rows(database: Database, tenant: str) -> list[dict[str, object]]:
    async with database.transaction() as connection:
        query = "select * from spam_feedback where tenant = $1 order by id"
        return [dict(row) for row in await connection.fetch(query, tenant)]


async def test_feedback_is_stored_with_all_the_receipt_proved(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    given = feedback(
        unique,
        message_id="m-1",
        text="text",
        arms={"spam": ("distilbert/2", 3), "otp": ("lightgbm/2", 1)},
        models={"spam": "distilbert/2"},
        decisions={"spam": "ham", "intent": "APP_LOGIN_OTP"},
        scores={"spam": 0.25},
        sender_key="4f3c",
        recipient_key="a1b2",
        given_at=1_600_000_000.25,
    )
    assert (await FeedbackLog(database).add(given)).status == "stored"
    (row,) = await rows(database, unique)
    fields = [name for name in given.__struct_fields__ if name != "given_at"]
    kept = {name: row[name] for name in fields}
    assert kept == {name: getattr(given, name) for name in fields} | {
        "arms": {"spam": ["distilbert/2", 3], "otp": ["lightgbm/2", 1]}
    }
    assert (row["task"], row["updated_at"], row["text_given_at"]) == ("spam", at(given.given_at), at(given.given_at))
    assert datetime.now(UTC) - row["created_at"] < timedelta(hours=1), "created_at is the time of arrival"  # type: ignore[operator]


async def test_feedback_sent_again_is_kept_once(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    outcomes = await asyncio.gather(*(log.add(feedback(unique)) for _ in range(8)))
    assert sorted(outcome.status for outcome in outcomes) == ["repeated"] * 7 + ["stored"]
    assert len(await rows(database, unique)) == 1


async def test_the_last_label_of_a_task_counts(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    assert (await log.add(feedback(unique, "spam", text="text"))).status == "stored"
    assert (await log.add(feedback(unique, "ham"))).status == "changed"
    assert (await log.add(feedback(unique, "not_otp"))).status == "stored"
    assert [(row["task"], row["label"], row["text"]) for row in await rows(database, unique)] == [
        ("spam", "ham", "text"),
        ("otp", "not_otp", None),
    ]


async def test_a_change_names_the_label_that_it_replaced(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    assert await log.add(feedback(unique, "spam")) == Outcome("stored")
    assert await log.add(feedback(unique, "ham")) == Outcome("changed", "spam")
    assert await log.add(feedback(unique, "ham", text="text")) == Outcome("changed")
    assert await log.add(feedback(unique, "ham", text="text")) == Outcome("repeated")
    assert await log.add(feedback(unique, "ham", text="another")) == Outcome("changed")


async def test_a_label_given_earlier_never_replaces_one_given_later(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    first, second, third = (
        feedback(unique, label, given_at=at) for at, label in ((1.0, "spam"), (2.0, "ham"), (3.0, "spam"))
    )
    assert await log.add(first) == Outcome("stored")
    assert await log.add(third) == Outcome("repeated")
    assert await log.add(second) == Outcome("outdated")
    (row,) = await rows(database, unique)
    assert (row["label"], row["updated_at"]) == ("spam", at(3.0))
    assert row["changed_at"] > row["updated_at"]  # type: ignore[operator]


async def test_whatever_the_order_of_arrival_the_same_holds(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    said = [
        (1.0, "spam", "text of spam", None),
        (2.0, "ham", None, "m-1"),
        (3.0, "spam", "later text", None),
        (4.0, "ham", None, None),
    ]
    for n, order in enumerate(permutations(said)):
        for given_at, label, text, message_id in order:
            await log.add(
                feedback(unique, label, text=text, given_at=given_at, message_id=message_id, receipt_id=f"r-{n}")
            )
    columns = ("label", "text", "message_id", "updated_at", "text_given_at")
    held = {tuple(row[column] for column in columns) for row in await rows(database, unique)}
    assert held == {("ham", "later text", "m-1", at(4.0), at(3.0))}


async def test_of_changes_at_once_each_knows_its_predecessor(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    labels = ["spam", "ham"] * 6
    outcomes = await asyncio.gather(*(log.add(feedback(unique, label)) for label in labels))
    counts = dict.fromkeys(("spam", "ham"), 0)
    for label, outcome in zip(labels, outcomes, strict=True):
        counts[label] += outcome.status == "stored" or outcome.replaced is not None
        if outcome.replaced:
            counts[outcome.replaced] -= 1
    (row,) = await rows(database, unique)
    assert counts == {"spam": 0, "ham": 0} | {row["label"]: 1}


async def test_receipts_are_told_apart_by_tenant(database: Database, unique: str) -> None:
    for tenant in (unique, f"{unique}-2"):
        await Accounts(database).put_tenant(tenant, None)
        assert (await FeedbackLog(database).add(feedback(tenant))).status == "stored"


async def test_a_message_without_receipt_is_known_by_its_id(database: Database, unique: str) -> None:
    await Accounts(database).put_tenant(unique, None)
    log = FeedbackLog(database)
    assert (await log.add(feedback(unique, receipt_id=for_message("m-1"), message_id="m-1"))).status == "stored"
    assert (await log.add(feedback(unique, receipt_id=for_message("m-1"), message_id="m-1"))).status == "repeated"


async def test_feedback_of_nobody_is_refused(database: Database) -> None:
    with pytest.raises(NotFound, match="tenant"):
        await FeedbackLog(database).add(feedback("nobody"))


@pytest.fixture
def server_log(backends: EmbeddedBackends) -> Callable[[], str]:
    return (backends.folder / "postgres.log").read_text


async def test_texts_reach_neither_errors_nor_the_log(
    database: Database, server_log: Callable[[], str], unique: str
) -> None:
    await Accounts(database).put_tenant(unique, None)
    refused = []
    for bad in (feedback(unique, text=f"{SECRET_TEXT}\0"), feedback("nobody", text=SECRET_TEXT)):
        with pytest.raises((InvalidField, NotFound)) as error:
            await FeedbackLog(database).add(bad)
        refused.append(error.value)
    assert not any("Zebediah" in f"{error} {error.detail} {error.__cause__}" for error in refused)
    assert "ERROR" in server_log() and "Zebediah" not in server_log()
