"""One message's journey with plain objects: routing, policies, caching, intent, receipts."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec
import pytest

from pipeline.classifier import Bounds, Classifier, Failed, Watch
from pipeline.directory import Changes, Directory, Principal, SubscriberRow, TenantRow
from pipeline.errors import DeadlineExceeded, InvalidField, TooLarge, Unavailable
from pipeline.intents import IntentQuestion, Intents
from pipeline.keys import Keys
from pipeline.memo import Limits as LaneLimits
from pipeline.memo import Memo
from pipeline.observe import Observer
from pipeline.policy import LimitBook, Limits
from pipeline.receipts import verify
from pipeline.router import Route, Router
from pipeline.routing import Experiment
from pipeline.types import Assessment, Credit, Message, PolicyName, RuleHit, Verdict
from pipeline.wire import BadItem, ClassifyRequest

WHO = Principal("bank", "key_1", frozenset(("classify",)))
REFS = ("distilbert/2", "distilbert/1")
SECRET = b"receipts"
POLICIES: dict[str, tuple[float, float | None]] = {"strict": (0.3, 0.6), "moderate": (0.5, 0.8), "lenient": (0.9, None)}
DEFAULTS = {"spam": REFS[0], "phishing": "lightgbm/1", "otp": "lightgbm/1", "intent": "lightgbm/1"}


class Thresholds(LimitBook):
    """The same for every version."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    def limits(self, policy: PolicyName, spam: str, phishing: str, otp: str) -> Limits:
        self.asked.append((spam, phishing, otp))
        flag, block = POLICIES[policy]
        return Limits(flag, block, flag, block, otp=0.5)


def assess(message: Message) -> Assessment:
    """The text says what the models say: "spam 0.7", "otp 0.9", "none"."""
    kind, _, score = message.text.partition(" ")
    none = kind == "none"
    return Assessment(
        spam=None if none else float(score) if kind == "spam" else 0.01,
        phishing=None if none else 0.01,
        otp=None if none else float(score) if kind == "otp" else 0.01,
        intent="APP_LOGIN_OTP" if kind == "otp" else "NOT_OTP",
        intent_confidence=0.9,
        hits=(RuleHit("OBFUSCATED_TEXT", 0.5, "hidden"),) if message.obfuscated else (),
        decided_by="none" if none else "ensemble",
        scorer="" if none else message.versions.spam,
        models={"spam": message.versions.spam},
        degraded=("distilbert",) if kind == "degraded" else (),
    )


class Heard(Watch):
    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, tuple[str, int]]]] = []
        self.said: list[Mapping[str, str]] = []
        self.bulk: list[bool] = []

    def answered(
        self, message: Message, route: Route, verdict: Verdict, said: Mapping[str, str], *, bulk: bool
    ) -> None:
        self.heard.append((verdict.message_id, route.arms))
        self.said.append(said)
        self.bulk.append(bulk)

    def failed(self, message: Message, route: Route) -> None:
        self.heard.append(("", route.arms))


class World:
    def __init__(self, ask: Callable[[list[IntentQuestion]], Sequence[str | Exception]] | None = None) -> None:
        self.directory = Directory()
        self.batches: list[list[Message]] = []
        self.questions: list[IntentQuestion] = []
        self._ask = ask
        self.router = Router(DEFAULTS, lambda _: "lightgbm/1")
        self.limits = Thresholds()
        self.watch = Heard()
        self.classifier = Classifier(
            bounds=Bounds(text_chars=100, deadline_s=5.0, batch_deadline_s=5.0),
            directory=lambda: self.directory,
            router=self.router,
            limits=self.limits,
            assess=self._lane("assess", self._assess, Assessment),
            intents=Intents(
                self._lane("intent", self._intents, str) if ask else None,
                keys=Keys("secret"),
                sure_above={},
                budget_s=0.1,
            ),
            keys=Keys("secret"),
            receipt_secret=SECRET,
            watch=self.watch,
        )

    def _lane(self, name, compute, kind):
        return Memo(
            name,
            compute,
            shelf=None,
            encode=msgspec.msgpack.encode,
            decode=msgspec.msgpack.Decoder(kind).decode,
            keep=lambda answer: not getattr(answer, "degraded", ()),
            limits=LaneLimits(),
            observer=Observer(),
        )

    async def _assess(self, messages: list[Message]) -> AsyncIterator[list[tuple[int, Assessment]]]:
        self.batches.append(messages)
        if any(message.text.startswith("late") for message in messages):
            await asyncio.sleep(0.05)
        yield [(i, assess(message)) for i, message in enumerate(messages)]

    async def _intents(self, questions: list[IntentQuestion]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        self.questions += questions
        assert self._ask
        found = self._ask(questions)
        if any(isinstance(one, TimeoutError) for one in found):
            await asyncio.sleep(10)
        yield list(enumerate(found))

    async def classify(self, text: str, **fields):
        return await self.classifier.classify(ClassifyRequest(text=text, **fields), WHO)


async def test_a_verdict():
    found = await World().classify("spam 0.7", message_id="m1")
    assert (found.message_id, found.status, found.action) == ("m1", "complete", "flag")
    assert (found.is_spam, found.is_phishing, found.is_otp, found.otp_intent) == (True, False, False, None)
    assert (found.spam_score, found.cache, found.experiment) == (0.7, "miss", None)


async def test_ids_are_made_when_missing_and_differ():
    world = World()
    first, second = [await world.classify("hello") for _ in range(2)]
    assert first.message_id != second.message_id
    assert (first.cache, second.cache) == ("miss", "memory")


@pytest.mark.parametrize(
    ("policy", "action"), [("strict", "block"), ("moderate", "flag"), ("lenient", "deliver"), (None, "flag")]
)
async def test_the_policy_decides_on_the_same_answer(policy, action):
    assert (await World().classify("spam 0.7", policy=policy)).action == action


async def test_policies_of_subscriber_and_tenant():
    world = World()
    rows = Changes(tenants=(TenantRow("bank", "lenient"),), subscribers=(SubscriberRow("bank", "+1", "strict"),))
    world.directory = world.directory.apply(rows)
    assert (await world.classify("spam 0.7", recipient="+1")).action == "block"
    assert (await world.classify("spam 0.7", recipient="+2")).action == "deliver"
    assert (await world.classify("spam 0.7", recipient="+2", policy="moderate")).action == "flag"


@pytest.mark.parametrize(
    ("text", "error"),
    [("", InvalidField), ("\u200b\u200b", InvalidField), ("a\0", InvalidField), ("x" * 101, TooLarge)],
)
async def test_text_that_is_none_is_refused(text, error):
    with pytest.raises(error) as caught:
        await World().classify(text)
    assert caught.value.field == "$.text"


async def test_a_batch_keeps_order_and_a_bad_item_fails_alone():
    world = World()
    bad = BadItem("b", InvalidField("wrong", field="$.text"))
    asked = [
        ClassifyRequest(text="spam 0.7"),
        bad,
        ClassifyRequest(text="", message_id="e"),
        ClassifyRequest(text="hi"),
    ]
    found = await world.classifier.classify_many(asked, WHO)
    assert [isinstance(one, Failed) for one in found] == [False, True, True, False]
    assert [found[1].message_id, found[2].message_id] == ["b", "e"]
    assert found[0].is_spam
    assert len(world.batches) == 1


async def test_a_large_batch_lets_others_through():
    world = World()
    batch = asyncio.create_task(
        world.classifier.classify_many([ClassifyRequest(text=f"hello {i}") for i in range(1000)], WHO)
    )
    await asyncio.sleep(0)
    await asyncio.wait_for(world.classify("me too"), 1.0)
    assert len(await batch) == 1000


async def test_equal_messages_are_assessed_once_but_answered_each():
    world = World()
    asked = [ClassifyRequest(text="spam 0.7", message_id=str(i)) for i in range(1000)]
    found = await world.classifier.classify_many(asked, WHO)
    assert [len(batch) for batch in world.batches] == [1]
    assert [one.message_id for one in found] == [str(i) for i in range(1000)]
    assert len({one.receipt for one in found}) == 1000


@pytest.mark.parametrize("other", [{"sender": "+15550001"}, {}])
async def test_what_changes_the_answer_changes_the_key(other):
    world = World()
    await world.classify("hello there")
    text = "hello there" if other else "he\u200bllo there"
    assert (await world.classify(text, **other)).cache == "miss"


async def test_tenants_do_not_share_answers():
    world = World()
    await world.classify("hello")
    stranger = Principal("shop", "key_2", frozenset())
    assert (await world.classifier.classify(ClassifyRequest(text="hello"), stranger)).cache == "miss"


async def test_hidden_wording_is_undone_and_reported():
    found = await World().classify("sp\u200bam 0.7")
    assert found.is_spam
    assert [hit.symbol for hit in found.reasons] == ["OBFUSCATED_TEXT"]


def experiment(**arms: float) -> list[Experiment]:
    refs = {ref.replace("_", "/"): weight for ref, weight in arms.items()}
    return [Experiment("spam", refs, "sender", "salt", 7)]


async def test_an_experiment_routes_and_is_named():
    world = World()
    world.router.adopt(experiment(distilbert_1=1.0), REFS)
    found = await world.classify("hello", sender="+15550001", message_id="m")
    assert found.experiment == {"spam": Credit("distilbert/1", 7)}
    assert found.models == {"spam": "distilbert/1"}
    assert world.limits.asked == [("distilbert/1", "lightgbm/1", "lightgbm/1")], "a message is decided on once"
    assert world.watch.heard == [("m", {"spam": ("distilbert/1", 7)})]


async def test_an_arm_that_is_not_ready_gets_no_traffic():
    world = World()
    world.router.adopt(experiment(distilbert_9=1.0), REFS)
    found = await world.classify("hello")
    assert (found.models, found.experiment) == ({"spam": "distilbert/2"}, None)


async def test_a_version_does_not_answer_for_another_one_from_the_cache():
    world = World()
    await world.classify("hello")
    world.router.adopt(experiment(distilbert_1=1.0), REFS)
    assert (await world.classify("hello")).cache == "miss"


async def test_messages_without_an_answer_are_failures_of_their_arm():
    world = World()
    world.router.adopt(experiment(distilbert_1=1.0), REFS)
    with pytest.raises(DeadlineExceeded):
        await world.classify("late 1", deadline_ms=1)
    late = ClassifyRequest(text="late 2", deadline_ms=1)
    await world.classifier.classify_many([late], WHO)
    assert world.watch.heard == [("", {"spam": ("distilbert/1", 7)})] * 2


async def test_what_came_with_others_is_told_from_what_came_alone():
    world = World()
    await world.classify("hello")
    await world.classifier.classify_many([ClassifyRequest(text="hi"), ClassifyRequest(text="hello")], WHO)
    assert world.watch.bulk == [False, True, True]


async def test_a_message_that_fails_while_its_intent_is_asked_for_is_a_failure_of_its_arm(monkeypatch):
    world = World(ask=lambda questions: ["APP_LOGIN_OTP"] * len(questions))
    world.router.adopt(experiment(distilbert_1=1.0), REFS)

    async def breaks(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(Intents, "ask", breaks)
    with pytest.raises(RuntimeError):
        await world.classify("otp 0.9")
    (outcome,) = await world.classifier.classify_many([ClassifyRequest(text="otp 0.9")], WHO)
    assert isinstance(outcome, Failed)
    assert world.watch.heard == [("", {"spam": ("distilbert/1", 7)})] * 2


async def test_receipts_prove_the_arm_and_belong_to_the_tenant():
    world = World()
    world.router.adopt(experiment(distilbert_1=1.0), REFS)
    found = await world.classify("spam 0.7", sender="+15550001", recipient="+1999")
    receipt = verify([SECRET], found.receipt, "bank", now=time.time())
    assert (receipt.arms, receipt.scores["spam"]) == ({"spam": ("distilbert/1", 7)}, 0.7)
    assert receipt.decisions == {"spam": "spam", "phishing": "not_phishing", "otp": "not_otp"}
    assert world.watch.said == [receipt.decisions]
    assert (receipt.sender_key, receipt.recipient_key) == (Keys("secret").sender("+15550001"), "")
    with pytest.raises(InvalidField):
        verify([SECRET], found.receipt, "shop", now=time.time())


async def test_no_stage_answered_means_unclassified_and_delivered():
    found = await World().classify("none")
    assert (found.status, found.action, found.is_spam, found.spam_score) == ("unclassified", "deliver", None, None)


async def test_a_degraded_answer_says_so_and_is_not_kept():
    world = World()
    for _ in range(2):
        found = await world.classify("degraded 1")
        assert (found.status, found.degraded, found.cache) == ("degraded", ("distilbert",), "miss")


async def test_intent_comes_from_the_language_model_for_otps_alone():
    world = World(lambda questions: ["BANK_OR_CARD_TXN_OTP"] * len(questions))
    otp, other = await asyncio.gather(world.classify("otp 0.9"), world.classify("spam 0.7"))
    assert (otp.otp_intent, otp.intent_source, otp.degraded) == ("BANK_OR_CARD_TXN_OTP", "groq", ())
    assert (other.otp_intent, other.intent_source) == (None, "none")
    assert len(world.questions) == 1


@pytest.mark.parametrize("failure", [Unavailable("down"), TimeoutError()])
async def test_without_an_answer_the_local_intent_stands_in_and_says_so(failure):
    found = await World(lambda questions: [failure] * len(questions)).classify("otp 0.9")
    assert (found.otp_intent, found.intent_source) == ("APP_LOGIN_OTP", "lightgbm")
    assert (found.status, found.degraded) == ("degraded", ("groq",))


async def test_a_hanging_language_model_holds_nobody_else_back():
    world = World(lambda questions: [TimeoutError()] * len(questions))
    otp = asyncio.create_task(world.classify("otp 0.9"))
    others = await asyncio.wait_for(asyncio.gather(*(world.classify(f"hello {i}") for i in range(20))), 1.0)
    assert not otp.done()
    assert {other.action for other in others} == {"deliver"}
    assert (await otp).intent_source == "lightgbm"


async def test_without_a_language_model_the_local_intent_is_complete():
    found = await World().classify("otp 0.9")
    assert (found.otp_intent, found.intent_source, found.status) == ("APP_LOGIN_OTP", "lightgbm", "complete")
