"""What feedback does to reputations, with a real Postgres."""

import time
import uuid
from collections.abc import AsyncIterator

import pytest

from configs.settings import Secrets
from deployments.office import Office
from deployments.wiring import receipt_secrets
from pipeline.clients.accounts import Accounts
from pipeline.clients.postgres import Database
from pipeline.clients.store import MemoryStore
from pipeline.directory import Principal
from pipeline.errors import InvalidField
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
def office(database: Database, reputations: MemoryStore) -> Office:
    return Office(database, reputations, receipt_secrets(ENVIRONMENT), {}, ())


def receipt(tenant: str, secret: bytes = SECRET) -> str:
    issued = int(time.time())
    return sign(secret, Receipt(uuid.uuid4().hex, tenant, "spam", "distilbert/2", 1, {}, {}, SENDER, issued))


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
    office: Office, reputations: MemoryStore, principal: Principal, labels: list[str], counted: tuple[int, int]
) -> None:
    token = receipt(principal.tenant)
    for label in labels:
        await office.feedback(FeedbackRequest(label=label, receipt=token), principal)
    assert await reputations.reputations([SENDER]) == [counted]


async def test_a_text_that_follows_moves_no_report(
    office: Office, reputations: MemoryStore, principal: Principal
) -> None:
    token = receipt(principal.tenant)
    await office.feedback(FeedbackRequest(label="spam", receipt=token), principal)
    answer = await office.feedback(FeedbackRequest(label="spam", receipt=token, text="text"), principal)
    assert answer == {"status": "changed", "credited_to": "distilbert/2"}
    assert await reputations.reputations([SENDER]) == [(1, 0)]


async def test_receipts_outlive_the_secret_that_signed_them(
    office: Office, reputations: MemoryStore, principal: Principal
) -> None:
    for secret in (SECRET, EARLIER):
        await office.feedback(FeedbackRequest(label="spam", receipt=receipt(principal.tenant, secret)), principal)
    assert await reputations.reputations([SENDER]) == [(2, 0)]
    with pytest.raises(InvalidField, match="not one of ours"):
        await office.feedback(FeedbackRequest(label="spam", receipt=receipt(principal.tenant, b"other")), principal)
