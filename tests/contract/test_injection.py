"""Messages that give orders to the language model, against a model that obeys every one of them.

Over a socket and through the client and the classifier that serve: the worst that an order reaches is the wrong one of
nine labels.
"""

import re
from collections.abc import AsyncIterator

import msgspec
import pytest

from configs import resources
from configs.settings import Intent, Settings
from deployments.catalogue import Catalogue
from deployments.offline import settings_for
from deployments.stages.distil_bert import DistilBert
from deployments.stages.light_gbm import LightGbm
from deployments.stages.tokenizer import Tokenizer
from deployments.wiring import assess_lane, build_classifier, build_flow, build_intents, intent_lane
from pipeline.breaker import Breaker
from pipeline.classifier import Classifier
from pipeline.clients.groq_intent import GroqIntent
from pipeline.clients.groq_prompt import SYSTEM_PROMPT
from pipeline.directory import Directory, Principal
from pipeline.flow import Flow, Stages
from pipeline.keys import Keys
from pipeline.normalise import normalise
from pipeline.observe import Observer
from pipeline.router import Router
from pipeline.senders import canonical_address
from pipeline.types import INTENTS, IntentMode, RuleHit, Verdict
from pipeline.wire import ClassifyRequest
from tests.support.groq_server import GroqServer
from tests.support.injections import Injection, injections
from tests.support.intents import ask

CASES = injections()
WHO = Principal("bank", "key_1", frozenset(("classify",)))
FENCED = re.compile(r"\[(?P<sender>(?:[^\[\]<>\n]|<[A-Z]+(?: [a-z#.-]+)?>)*)\] <sms>\n(?P<text>.*)\n</sms>", re.DOTALL)


@pytest.fixture
async def server() -> AsyncIterator[GroqServer]:
    async with GroqServer() as running:
        yield running


@pytest.fixture
async def client(server: GroqServer) -> AsyncIterator[GroqIntent]:
    made = GroqIntent("gsk_test", base_url=server.url, breaker=Breaker(threshold=10_000))
    yield made
    await made.close()


def obey(server: GroqServer, case: Injection) -> None:
    """Let the model write what the message demands."""
    server.writes = lambda _: case.answer


def test_there_are_many_and_they_differ() -> None:
    assert len(CASES) >= 300
    assert len({(case.text, case.sender) for case in CASES}) == len(CASES)
    assert injections() == CASES


async def test_an_obedient_model_gets_no_further_than_one_of_nine_labels(
    server: GroqServer, client: GroqIntent
) -> None:
    found = {}
    for case in CASES:
        obey(server, case)
        (found[case.name],) = await ask(client, case.text, sender=case.sender)
    assert len(server.requests) == len(CASES)
    assert set(found.values()) - {None} <= set(INTENTS)
    # Only an answer of the one form that was asked for counts at all.
    assert {case.answer for case in CASES if found[case.name]} == {'{"intent": "NOT_OTP"}'}


async def test_no_message_leaves_its_fence_or_changes_what_is_asked(server: GroqServer, client: GroqIntent) -> None:
    for case in CASES:
        await ask(client, case.text, sender="VM-HDFCBK")
        await ask(client, normalise(case.text).text, sender="VM-HDFCBK")  # as the server calls it
    honest = await _request_of(server, client)
    for request, case in zip(server.requests, [case for case in CASES for _ in range(2)], strict=True):
        system, user = request["messages"]
        assert system == {"role": "system", "content": SYSTEM_PROMPT}
        assert {**request, "messages": None} == {**honest, "messages": None}
        assert set(user) == {"role", "content"} and user["role"] == "user"
        fenced = FENCED.fullmatch(user["content"])
        assert fenced, case.name
        assert "</" not in fenced["text"], case.name


async def test_no_sender_leaves_its_brackets(server: GroqServer, client: GroqIntent) -> None:
    senders = [case.sender for case in CASES if case.name.startswith("sender")]
    for sender in senders:
        await ask(client, "Your login code is 482913", sender=sender)
        await ask(client, "Your login code is 482913", sender=canonical_address(sender))
    assert [sent for sent in server.user_messages() if not FENCED.fullmatch(sent)] == []
    assert len(server.requests) == 2 * len(senders) > 0


async def test_the_verdict_is_the_same_but_for_the_intent(server: GroqServer, client: GroqIntent) -> None:
    everybody = Intent(sure_above={}, budget_ms=60_000)  # however sure the local model is
    settings = msgspec.structs.replace(settings_for(None, None, None), intent=everybody)
    flow, catalogue = _flow(settings)
    local, asking = _classifier(settings, flow, catalogue, None), _classifier(settings, flow, catalogue, client)
    asked = 0
    for case in CASES:
        obey(server, case)
        before, after = await _verdict(local, case, "local"), await _verdict(asking, case, "auto")
        asked += after.intent_source == "groq" or "groq" in after.degraded
        assert after.otp_intent in (*INTENTS, None)
        assert _without_intent(after) == _without_intent(before), case.name
    assert len(server.requests) >= asked >= 300


async def _request_of(server: GroqServer, client: GroqIntent) -> dict[str, object]:
    """What an honest message makes the client send."""
    await ask(client, "Your login code is 482913")
    return server.requests.pop()


def _flow(settings: Settings) -> tuple[Flow, Catalogue]:
    catalogue = Catalogue(settings)
    stages = Stages(_Rules(settings), LightGbm(settings), Tokenizer(settings), DistilBert(settings))
    return build_flow(settings, catalogue, stages, Observer(), cascade=True), catalogue


def _classifier(settings: Settings, flow: Flow, catalogue: Catalogue, model: GroqIntent | None) -> Classifier:
    """The classifier of an ingress replica, with the language model or without it."""
    directory = Directory(default_policy=resources.read_policies(settings).default)
    keys = Keys("secret")
    lane = intent_lane(settings, model, None, Observer()) if model else None
    return build_classifier(
        settings,
        catalogue,
        directory=lambda: directory,
        router=Router(catalogue.defaults, catalogue.partner),
        keys=keys,
        assess=assess_lane(settings, flow, None, Observer()),
        intents=build_intents(settings, lane, directory=lambda: directory, keys=keys),
    )


class _Rules:
    """A `RuleStage` without reputation."""

    def __init__(self, settings: Settings) -> None:
        self._book = resources.read_rules(settings)

    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]:
        return self._book.check_all(texts, senders, {}, obfuscated)


async def _verdict(classifier: Classifier, case: Injection, mode: IntentMode) -> Verdict:
    request = ClassifyRequest(text=case.text, sender=case.sender, message_id=case.name, intent=mode)
    return await classifier.classify(request, WHO)


def _without_intent(verdict: Verdict) -> Verdict:
    """What no language model may touch. That it gave no valid answer, `status` and `degraded` do say."""
    degraded = tuple(stage for stage in verdict.degraded if stage != "groq")
    status = "complete" if verdict.status == "degraded" and not degraded else verdict.status
    return msgspec.structs.replace(
        verdict, otp_intent=None, intent_source="none", receipt="", status=status, degraded=degraded
    )
