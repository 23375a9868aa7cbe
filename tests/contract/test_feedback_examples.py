"""Feedback on a real Postgres, read to learn from."""

import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import msgspec
import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.feedback_log import FeedbackLog, LabelledText
from pipeline.clients.postgres import Database
from pipeline.errors import ConfigError, Unavailable
from pipeline.feedback import Feedback, for_message
from tests.support.database import within
from training.feedback import feedback_examples


def feedback(tenant: str, label: str, message: str, text: str | None) -> Feedback:
    return Feedback(
        tenant=tenant,
        label=label,
        message_id=message,
        receipt_id=for_message(message),
        text=text,
        sender_key="4f",
        given_at=time.time(),
    )


async def fill(database: Database, *given: Feedback) -> None:
    for tenant in dict.fromkeys(one.tenant for one in given):
        await Accounts(database).put_tenant(tenant, None)
    for one in given:
        await FeedbackLog(database).add(one)


async def now(database: Database) -> datetime:
    """By the clock of Postgres."""
    async with database.connection() as connection:
        moment: datetime = await connection.fetchval("select clock_timestamp()")
        return moment


async def listed(rows: AsyncIterator[LabelledText], tenant: str) -> list[LabelledText]:
    return [row async for row in rows if row.tenant == tenant]


async def test_rows_with_a_text_are_streamed_by_id(database: Database, unique: str) -> None:
    await fill(
        database,
        feedback(unique, "spam", "m-1", "one"),
        feedback(unique, "ham", "m-2", None),
        feedback(unique, "otp", "m-3", ""),
        feedback(unique, "phishing", "m-1", "one"),
        Feedback(tenant=unique, label="ham", receipt_id="r-9", text="no id", given_at=0.0),
    )
    rows = await listed(FeedbackLog(database).texts(), unique)
    assert [(row.message, row.label, row.text) for row in rows] == [
        ("m-1", "spam", "one"),
        ("m-1", "phishing", "one"),
        ("r-9", "ham", "no id"),
    ]
    assert [row.sender_key for row in rows] == ["4f", "4f", ""]
    assert [row.id for row in rows] == sorted(row.id for row in rows)


async def test_rows_are_asked_for_by_time_and_id(database: Database, unique: str) -> None:
    log = FeedbackLog(database)
    await fill(database, *(feedback(unique, "spam", f"m-{n}", f"text {n}") for n in range(2)))
    then = await now(database)
    await fill(database, feedback(unique, "spam", "m-2", "text 2"))
    first, second, third = await listed(log.texts(), unique)
    assert await listed(log.texts(after=first.id), unique) == [second, third]
    assert await listed(log.texts(since=then), unique) == [third]
    assert await listed(log.texts(since=then + timedelta(hours=1)), unique) == []
    await log.add(feedback(unique, "ham", "m-0", None))
    relabelled = await listed(log.texts(since=then), unique)
    assert [(row.id, row.label) for row in relabelled] == [(first.id, "ham"), (third.id, "spam")]


async def test_what_arrived_late_is_not_missed(database: Database, unique: str) -> None:
    log = FeedbackLog(database)
    await fill(database, msgspec.structs.replace(feedback(unique, "spam", "m-0", "text 0"), given_at=0.0))
    then = await now(database)
    late = [feedback(unique, "spam", "m-1", "text 1"), feedback(unique, "ham", "m-0", None)]
    await fill(database, *(msgspec.structs.replace(one, given_at=1.0) for one in late))
    rows = await listed(log.texts(since=then), unique)
    assert [(row.message, row.label, row.updated_at.timestamp()) for row in rows] == [
        ("m-0", "ham", 1.0),
        ("m-1", "spam", 1.0),
    ]


async def test_more_rows_than_one_round_trip_are_all_read(
    database: Database, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.clients.feedback_log._PREFETCH", 2)
    await fill(database, *(feedback(unique, "spam", f"m-{n}", f"text {n}") for n in range(7)))
    assert len(await listed(FeedbackLog(database).texts(), unique)) == 7


def test_feedback_becomes_examples(backends: EmbeddedBackends, unique: str) -> None:
    async def prepare(database: Database) -> None:
        await database.migrate()
        await fill(
            database,
            feedback(unique, "spam", "m-1", f"{unique} prize"),
            feedback(unique, "ham", "m-1", None),
            feedback(f"{unique}-2", "ham", "m-1", f"{unique}  PRIZE"),
            feedback(unique, "spam", "m-2", f"{unique} disputed"),
            feedback(f"{unique}-2", "ham", "m-2", f"{unique} disputed"),
            feedback(unique, "KYC_OR_ESIGN_OTP", "m-3", f"{unique} code 1234"),
        )

    within(backends.database_url, prepare)
    ours = [example for example in feedback_examples(backends.database_url) if unique in example.text]
    assert [(e.text.removeprefix(unique).strip(), e.spam, e.otp, e.intent) for e in ours] == [
        ("prize", False, None, None),
        ("code 1234", None, True, "KYC_OR_ESIGN_OTP"),
        ("PRIZE", False, None, None),
    ]


def test_a_database_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ConfigError, match="postgresql://"):
        feedback_examples("mysql://localhost/winnow")
    with pytest.raises(Unavailable, match="does not answer"):
        feedback_examples("postgresql://nobody@127.0.0.1:1/winnow")
