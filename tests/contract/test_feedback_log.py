"""Feedback on a real Postgres."""

import asyncio
from collections.abc import Callable

import pytest

from deployments.embedded import EmbeddedBackends
from pipeline.clients.accounts import Accounts
from pipeline.clients.feedback_log import FeedbackLog, Outcome
from pipeline.clients.postgres import Database
from pipeline.errors import InvalidField, NotFound
from pipeline.feedback import Feedback, for_message

SECRET_TEXT = "Dear Zebediah, your parcel waits"


def feedback(tenant: str, label: str = "spam", **fields: object) -> Feedback:
    return Feedback(tenant=tenant, label=label, **{"receipt_id": "r-1", **fields})  # type: ignore[arg-type]


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
        experiment_task="spam",
        experiment_arm="distilbert/2",
        experiment_revision=3,
        models={"spam": "distilbert/2"},
        scores={"spam": 0.25},
        sender_key="4f3c",
    )
    assert (await FeedbackLog(database).add(given)).status == "stored"
    (row,) = await rows(database, unique)
    kept = {name: row[name] for name in given.__struct_fields__}
    assert kept == {name: getattr(given, name) for name in given.__struct_fields__}
    assert row["task"] == "spam"


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
    assert await log.add(feedback(unique, "ham", text="another")) == Outcome("repeated")


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
