"""What the desk says of feedback and does to reputations, with a real Postgres."""

import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from configs.settings import Secrets
from deployments.feedback_desk import Event, FeedbackDesk
from deployments.wiring import receipt_secrets
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.clients.spool import Spool
from pipeline.clients.store import MemoryStore
from pipeline.directory import Principal
from pipeline.errors import InvalidField, NotFound
from pipeline.keys import Keys
from pipeline.receipts import Receipt, sign
from pipeline.wire import FeedbackRequest

SECRET, EARLIER = (Keys(secret).purpose("receipts") for secret in ("new", "old"))
ENVIRONMENT = Secrets(redis_url="", database_url="", winnow_secret="new", winnow_secret_old="old")
SENDER = "4f3c"


@pytest.fixture
async def principal(postgres: str) -> AsyncIterator[Principal]:
    yield Principal(f"t{uuid.uuid4().hex[:12]}", "key_test", frozenset({"feedback"}))


@pytest.fixture
async def database(postgres: str, principal: Principal) -> AsyncIterator[Database]:
    opened = await Database.open(postgres)
    await opened.migrate()
    await Accounts(opened).put_tenant(principal.tenant, None)
    yield opened
    await opened.close()


@pytest.fixture
def reputations() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
async def desk(
    database: Database, postgres: str, reputations: MemoryStore, events: list[Event], tmp_path: Path
) -> AsyncIterator[FeedbackDesk]:
    spool = Spool(tmp_path, postgres, 2**20)
    made = FeedbackDesk(database, reputations, receipt_secrets(ENVIRONMENT), spool, on_event=events.append)
    yield made
    await made.stop()


def receipt(tenant: str, secret: bytes = SECRET) -> str:
    arms = {"spam": ("distilbert/2", 1), "otp": ("lightgbm/2", 4)}
    decisions = {"spam": "spam", "otp": "not_otp"}
    issued = int(time.time())
    return sign(secret, Receipt(uuid.uuid4().hex, tenant, arms, {}, decisions, {}, SENDER, "77aa", issued))


@pytest.mark.parametrize(
    ("labels", "counted"),
    [
        (["spam"], (1, 0)),
        (["ham"], (0, 1)),
        (["spam", "spam"], (1, 0)),
        (["spam", "ham"], (0, 1)),
        (["spam", "ham", "spam"], (1, 0)),
        (["spam", "phishing"], (1, 0)),
        (["phishing", "spam"], (1, 0)),
        (["phishing"], (0, 0)),
        (["otp", "not_otp"], (0, 0)),
    ],
    ids=str,
)
async def test_one_receipt_is_one_report(
    desk: FeedbackDesk, reputations: MemoryStore, principal: Principal, labels: list[str], counted: tuple[int, int]
) -> None:
    token = receipt(principal.tenant)
    for label in labels:
        await desk.feedback(FeedbackRequest(label=label, receipt=token), principal)
    assert await reputations.reputations([SENDER]) == [counted]


async def test_one_tenant_counts_so_often_each_way(
    desk: FeedbackDesk, reputations: MemoryStore, principal: Principal
) -> None:
    for label in ("spam", "ham"):
        for _ in range(6):
            await desk.feedback(FeedbackRequest(label=label, receipt=receipt(principal.tenant)), principal)
    assert await reputations.reputations([SENDER]) == [(4, 4)]


async def test_a_text_that_follows_moves_no_report(
    desk: FeedbackDesk, reputations: MemoryStore, events: list[Event], principal: Principal
) -> None:
    token = receipt(principal.tenant)
    await desk.feedback(FeedbackRequest(label="spam", receipt=token), principal)
    answer = await desk.feedback(FeedbackRequest(label="spam", receipt=token, text="text"), principal)
    assert answer == {"status": "changed", "credited_to": "distilbert/2"}
    assert await reputations.reputations([SENDER]) == [(1, 0)]
    assert events == ["stored", "changed"]


@pytest.mark.parametrize(
    ("label", "arm"), [("ham", "distilbert/2"), ("not_otp", "lightgbm/2"), ("phishing", None), ("APP_LOGIN_OTP", None)]
)
async def test_a_label_is_credited_to_the_arm_of_its_task(
    desk: FeedbackDesk, database: Database, principal: Principal, label: str, arm: str | None
) -> None:
    asked = FeedbackRequest(label=label, receipt=receipt(principal.tenant))
    assert await desk.feedback(asked, principal) == {"status": "stored", "credited_to": arm}
    async with database.connection() as connection:
        (row,) = await connection.fetch("select * from spam_feedback where tenant = $1", principal.tenant)
    assert row["arms"] == {"spam": ["distilbert/2", 1], "otp": ["lightgbm/2", 4]}
    assert row["decisions"] == {"spam": "spam", "otp": "not_otp"}
    assert (row["sender_key"], row["recipient_key"]) == (SENDER, "77aa")


async def test_a_message_without_receipt_is_credited_to_nobody(desk: FeedbackDesk, principal: Principal) -> None:
    asked = FeedbackRequest(label="spam", message_id="m-1")
    assert await desk.feedback(asked, principal) == {"status": "stored", "credited_to": None}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (FeedbackRequest(label="SPAM", message_id="m-1"), "$.label"),
        (FeedbackRequest(label="spam"), "$.receipt"),
        (FeedbackRequest(label="spam", receipt="forged"), "$.receipt"),
        (FeedbackRequest(label="spam", message_id="m\0"), "$.message_id"),
        (FeedbackRequest(label="spam", message_id="m-1", text="a\0b"), "$.text"),
    ],
)
async def test_what_cannot_be_kept_is_refused(
    desk: FeedbackDesk, principal: Principal, asked: FeedbackRequest, field: str
) -> None:
    with pytest.raises(InvalidField) as refused:
        await desk.feedback(asked, principal)
    assert refused.value.field == field


async def test_feedback_of_nobody_is_refused(desk: FeedbackDesk) -> None:
    nobody = Principal("nobody", "key_test", frozenset({"feedback"}))
    with pytest.raises(NotFound, match="tenant"):
        await desk.feedback(FeedbackRequest(label="spam", message_id="m-1"), nobody)


async def test_receipts_outlive_the_secret_that_signed_them(
    desk: FeedbackDesk, reputations: MemoryStore, principal: Principal
) -> None:
    for secret in (SECRET, EARLIER):
        await desk.feedback(FeedbackRequest(label="spam", receipt=receipt(principal.tenant, secret)), principal)
    assert await reputations.reputations([SENDER]) == [(2, 0)]
    with pytest.raises(InvalidField, match="not one of ours"):
        await desk.feedback(FeedbackRequest(label="spam", receipt=receipt(principal.tenant, b"other")), principal)
