"""Who names the intent of a one-time password, with plain objects."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from pipeline.errors import Overloaded, Unavailable, WinnowError
from pipeline.intents import Event, IntentCounts, IntentQuestion, Intents, OverBudget
from pipeline.keys import Keys
from pipeline.memo import Limits, Memo
from pipeline.observe import Observer
from pipeline.types import Assessment, IntentMode, Message, Versions
from pipeline.verdicts import Intent

LOCAL = Intent("APP_LOGIN_OTP", "lightgbm")
VERSIONS = Versions("distilbert/1", *("lightgbm/1",) * 4)


def message(text: str = "482913 is your login code", **fields: object) -> Message:
    return msgspec.structs.replace(
        Message(
            id="m",
            text=text,
            sender="VM-HDFCBK",
            recipient="",
            tenant="bank",
            policy="moderate",
            intent="auto",
            obfuscated=False,
            versions=VERSIONS,
            received_at=0.0,
            deadline=time.monotonic() + 5.0,
        ),
        **fields,
    )


def assessment(confidence: float = 0.5) -> Assessment:
    return Assessment(
        spam=0.01,
        phishing=0.01,
        otp=0.9,
        intent="APP_LOGIN_OTP",
        intent_confidence=confidence,
        hits=(),
        decided_by="ensemble",
        scorer="distilbert/1",
        models={},
    )


class Counts(IntentCounts):
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.comparisons: list[tuple[Event, bool]] = []

    def happened(self, event: Event) -> None:
        self.events.append(event)

    def compared(self, event: Event, agreed: bool) -> None:
        self.comparisons.append((event, agreed))


class World:
    """A language model that answers each question with what `answer` says of it."""

    def __init__(
        self, answer: Callable[[IntentQuestion], str | Exception] = lambda _: "KYC_OR_ESIGN_OTP", **options: object
    ) -> None:
        self.questions: list[IntentQuestion] = []
        self.counts = Counts()
        self.delay_s = 0.0
        self._answer = answer
        lane: Memo[IntentQuestion, str] = Memo(
            "intent",
            self._compute,
            shelf=None,
            encode=msgspec.msgpack.encode,
            decode=msgspec.msgpack.Decoder(str).decode,
            keep=lambda _: True,
            limits=Limits(batch_items=1, slots=4),
            observer=Observer(),
        )
        self.intents = Intents(
            lane,
            keys=Keys("secret"),
            counts=self.counts,
            **{"sure_above": {"lightgbm/1": 0.9}, "sample_rate": 0.0, **options},  # type: ignore[arg-type]
        )

    async def _compute(self, questions: list[IntentQuestion]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        self.questions += questions
        await asyncio.sleep(self.delay_s)
        yield [(i, self._answer(question)) for i, question in enumerate(questions)]


@pytest.mark.parametrize("mode", ["auto", "local", "none"])
async def test_no_otp_no_intent(mode: IntentMode):
    assert World().intents.decide(message(intent=mode), assessment(), False) == Intent(None, "none")


async def test_the_caller_may_keep_the_language_model_out():
    intents = World().intents
    assert intents.decide(message(intent="none"), assessment(), True) == Intent(None, "none")
    assert intents.decide(message(intent="local"), assessment(), True) == LOCAL


async def test_the_tenant_may_keep_it_out():
    intents = World(is_local_only={"bank"}.__contains__).intents
    assert intents.decide(message(), assessment(), True) == LOCAL
    assert intents.decide(message(tenant="shop"), assessment(), True) is None


async def test_where_there_is_none_the_local_intent_stands():
    intents = Intents(None, keys=Keys("secret"), sure_above={})
    assert intents.decide(message(), assessment(), True) == LOCAL


@pytest.mark.parametrize(("confidence", "intent"), [(0.9, LOCAL), (1.0, LOCAL), (0.899, None), (0.0, None)])
async def test_the_local_model_answers_alone_where_it_is_sure(confidence: float, intent: Intent | None):
    world = World()
    assert world.intents.decide(message(), assessment(confidence), True) == intent
    assert world.counts.events == (["gated"] if intent else [])


async def test_a_version_that_was_not_measured_is_never_sure():
    other = message(versions=msgspec.structs.replace(VERSIONS, intent="lightgbm/9"))
    assert World().intents.decide(other, assessment(1.0), True) is None


@pytest.mark.parametrize(("said", "agreed"), [("APP_LOGIN_OTP", True), ("KYC_OR_ESIGN_OTP", False)])
async def test_the_language_models_word_counts_and_is_compared(said: str, agreed: bool):
    world = World(lambda _: said)
    assert await world.intents.ask(message(), assessment()) == Intent(said, "groq")
    assert world.counts.events == ["asked"]
    assert world.counts.comparisons == [("asked", agreed)]


@pytest.mark.parametrize("error", [Unavailable("down"), Overloaded("full")])
async def test_a_fault_is_named(error: WinnowError):
    world = World(lambda _: error)
    assert await world.intents.ask(message(), assessment()) == msgspec.structs.replace(LOCAL, missing=True)
    assert world.counts.events == ["asked", "missing"]


async def test_a_spent_budget_is_no_fault():
    world = World(lambda _: OverBudget("spent"))
    assert await world.intents.ask(message(), assessment()) == LOCAL
    assert world.counts.events == ["asked", "over_budget"]
    assert world.counts.comparisons == []


async def test_it_answers_before_the_callers_deadline():
    world = World(budget_s=10.0)
    world.delay_s = 10.0
    deadline = time.monotonic() + 0.2
    assert (await world.intents.ask(message(deadline=deadline), assessment())).missing
    assert world.questions[0].deadline < deadline


async def test_it_takes_no_longer_than_its_budget_or_as_long_as_nobody_waits():
    world = World(budget_s=0.05)
    world.delay_s = 0.2
    assert (await world.intents.ask(message(), assessment())).missing
    assert (await world.intents.ask(message("another one", deadline=0.0), assessment(), within_s=5.0)).source == "groq"


async def test_a_thousand_codes_in_one_template_are_one_question():
    world = World()
    texts = {f"{random.Random(i).randrange(10**6):06} is your login code" for i in range(1000)}
    found = await asyncio.gather(*(world.intents.ask(message(text), assessment()) for text in texts))
    assert {intent.source for intent in found} == {"groq"} and len(texts) > 990
    assert len(world.questions) == 1
    assert world.questions[0].text == "<CODE> is your login code"


@pytest.mark.parametrize("other", [{"tenant": "shop"}, {"sender": "VM-PAYTM"}, {"text": "482913 confirms payment"}])
async def test_tenants_senders_and_templates_do_not_share_answers(other: dict[str, str]):
    world = World()
    await world.intents.ask(message(), assessment())
    await world.intents.ask(message(**other), assessment())
    assert len(world.questions) == 2


async def test_numbers_of_senders_stay_in_the_house_and_share_answers():
    world = World()
    for sender in ("+919876543210", "+447911123456"):
        await world.intents.ask(message(sender=sender), assessment())
    assert [question.sender for question in world.questions] == ["<PHONE>"]


async def test_a_sample_of_the_sure_ones_is_asked_beside_the_answer():
    world = World(sample_rate=0.25, rng=random.Random(7))
    world.delay_s = 0.01
    names = [f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}nnie" for i in range(400)]
    found = [world.intents.decide(message(f"Dear {name}, log in"), assessment(1.0), True) for name in names]
    assert found == [LOCAL] * 400
    assert 60 < world.counts.events.count("sampled") < 140 and world.counts.events.count("gated") == 400
    await asyncio.sleep(0.5)
    assert world.counts.comparisons == [("sampled", False)] * world.counts.events.count("sampled")


async def test_a_sample_that_fails_is_forgotten(caplog: pytest.LogCaptureFixture):
    world = World(lambda _: Unavailable("down"), sample_rate=1.0)
    assert world.intents.decide(message(), assessment(1.0), True) == LOCAL
    await asyncio.sleep(0.01)
    assert world.counts.comparisons == [] and "never retrieved" not in caplog.text
    assert len(world.questions) == 1
