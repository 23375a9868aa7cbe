"""The flow in this process with the models that ship, without Ray, HTTP or any backend."""

import subprocess
import sys
from pathlib import Path

import pytest

from configs.settings import Settings
from deployments.evaluation import in_bulk, one_by_one
from deployments.figures import judge_all, report
from deployments.offline import Offline, settings_for
from deployments.probes import disguised_count, in_disguise, under_each_policy
from model_store.store import SHIPPED, LocalStore
from pipeline.errors import ConfigError, InvalidField, ModelError
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest
from training.examples import Example

SPAM = (
    "URGENT! You have won a guaranteed £1000 cash prize. Call 09061701461 now to claim, code KL341. 150p/min",
    "WINNER!! Claim your free holiday now, text WIN to 80082. T&Cs apply, £1.50 per msg, over 18s only",
    "Free entry in our weekly competition to win FA Cup tickets! Text FA to 87121, std txt rate applies",
    "Your account is locked. Verify your card at http://secure-bank-login.xyz/verify or it is closed today",
    "PRIVATE! Your 2003 account statement shows 800 un-redeemed points. Call 08719899230 to claim, 150ppm",
)
CODES = (
    "482913 is your OTP to log in to your HDFC Bank account. Do not share it with anyone.",
    "Your WhatsApp code: 482-913. Don't share this code with others.",
    "G-482913 is your Google verification code.",
    "Use 4829 as one time password for your transaction of INR 500.00 on card ending 1234. Valid for 10 minutes.",
)
CHAT = (
    "Hey, are we still on for lunch?",
    "I'll be home around 7, can you feed the cat?",
    "ok lor, see you at the mrt later",
    "Happy birthday!! Hope you have a lovely day xx",
    "sorry I missed your call, was in a meeting. call you later tonight",
    "Can you pick up some milk on your way home please",
    "lol that was so funny, tell mum I said hi",
    "Where are you? We are waiting at the station",
    "Thanks for dinner, it was great to see you all again",
    "I don't know, maybe tomorrow after work",
    "did u finish the homework for maths",
)
MESSAGES = [
    *(Example(text=text, spam=True, source="test", kind="spam") for text in SPAM),
    *(Example(text=text, spam=False, otp=True, source="test", kind="otp") for text in CODES),
    *(Example(text=text, spam=False, otp=False, intent="NOT_OTP", source="test", kind="chat") for text in CHAT),
]


def ignore(_: int) -> None:
    pass


@pytest.fixture(scope="module")
def offline() -> Offline:
    return Offline(settings_for(None, None, None))


async def test_twenty_messages_through_the_shipped_models(offline: Offline):
    sent = await in_bulk(offline, MESSAGES, 10, ignore)
    judged = judge_all("test", MESSAGES, sent.outcomes)
    found = report("test", MESSAGES, judged, [sent])
    assert (found.rows, found.failed) == (20, 0)
    spam, otp = found.task("spam"), found.task("otp")
    assert spam is not None and otp is not None
    assert spam.confusion.false_positive == 0
    assert spam.confusion.true_positive >= 4
    assert (otp.confusion.true_positive, otp.confusion.false_positive) == (4, 0)
    assert {row.decided_by for row in judged} <= {"gate", "ensemble"}
    assert all(isinstance(v, Verdict) and v.status == "complete" and not v.degraded for v in sent.outcomes)


async def test_one_by_one_gives_what_a_bulk_gives(offline: Offline):
    single = await one_by_one(Offline(settings_for(None, None, None)), MESSAGES, 4, ignore)
    bulk = await in_bulk(offline, MESSAGES, 20, ignore)
    scores = [[v.spam_score for v in sent.outcomes if isinstance(v, Verdict)] for sent in (single, bulk)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert (single.per_message, bulk.per_message) == (True, False)


def test_neither_ray_nor_a_backend_is_needed():
    code = "import sys, deployments.offline; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"ray", "redis", "asyncpg", "fastapi", "groq", "torch", "matplotlib"} & set(loaded)


async def test_without_the_cascade_the_transformer_sees_everything():
    sent = await in_bulk(Offline(settings_for(None, None, None, cascade=False)), MESSAGES, 20, ignore)
    assert {v.decided_by for v in sent.outcomes if isinstance(v, Verdict)} == {"ensemble"}


async def test_without_rules_nothing_gives_a_reason(offline: Offline):
    request = ClassifyRequest(text=CODES[0])
    without = await Offline(settings_for(None, None, None), rules=False).classify(request)
    assert (await offline.classify(request)).reasons
    assert without.reasons == ()


async def test_the_version_that_is_named_answers_with_its_partner():
    ref = Settings().models.transformers[-1]
    ensemble = LocalStore(SHIPPED).open(ref).manifest.ensemble
    assert ensemble is not None
    verdict = await Offline(settings_for(SHIPPED, ref, None, cascade=False)).classify(ClassifyRequest(text=CHAT[0]))
    assert (verdict.models["spam"], verdict.models["gate"]) == (ref, ensemble.partner)


async def test_a_bad_message_fails_alone(offline: Offline):
    bad, good = await offline.classify_batch([ClassifyRequest(text=" "), ClassifyRequest(text=CHAT[0])])
    assert isinstance(bad, BadItem) and isinstance(bad.error, InvalidField)
    assert isinstance(good, Verdict)


async def test_policies_differ_and_no_model_is_asked_for_them(offline: Offline):
    strict, moderate, lenient = await under_each_policy(offline, "test", MESSAGES, 20, ignore)
    assert (strict.policy, moderate.policy, lenient.policy) == ("strict", "moderate", "lenient")
    assert lenient.actions.get("block", 0) == 0
    assert strict.recall.value is not None and lenient.recall.value is not None
    assert strict.recall.value >= lenient.recall.value


async def test_disguises_are_asked_about(offline: Offline):
    heard: list[int] = []
    sent = await in_bulk(offline, MESSAGES, 20, ignore)
    judged = judge_all("test", MESSAGES, sent.outcomes)
    found = await in_disguise(offline, MESSAGES, judged, 20, heard.append)
    assert {row.way for row in found} == {"homoglyph", "zero-width", "full-width", "spacing", "leet"}
    assert all((row.spam, row.legitimate) == (5, 15) for row in found)
    assert sum(heard) == disguised_count(MESSAGES, judged) == 100


def test_models_that_do_not_belong_together_are_refused():
    with pytest.raises((ConfigError, ModelError)):
        Offline(settings_for(None, None, "lightgbm/99"))


def test_a_store_without_the_version_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="distilbert/2"):
        settings_for(tmp_path, "distilbert/2", None)
