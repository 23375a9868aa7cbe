"""The DAG with plain objects for stages: what runs, what is skipped, and what happens when a stage fails."""

import asyncio
import math
import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from pipeline.cascade import Gate, SpamModel
from pipeline.errors import Overloaded
from pipeline.flow import Flow, Stages
from pipeline.observe import LEFT_ALONE, Observer
from pipeline.scoring import Cascade, Ensemble
from pipeline.types import INTENTS, Message, RuleHit, TokenBatch, TreeScores, Versions

REFS = ("distilbert/2", "distilbert/1")
#: Gate logits by text; "?" is text that the vocabulary does not know.
GATE = {"ham": -8.0, "spam": 8.0, "maybe": 0.0, "?": -8.0, "odd": -8.0}


class World:
    """All four stages; any, or one version of any, may be told to fail, hang or answer nonsense."""

    def __init__(self) -> None:
        self.faults: dict[str, str] = {}
        self.encoded: list[list[str]] = []  #: texts that were tokenized
        self.asked: list[tuple[list[int], list[str]]] = []  #: tokens and versions that reached the transformer
        self.bundles: list[tuple[str, list[str]]] = []  #: bundles that were asked, and about what
        self.missing: set[str] = set()  #: bundles that are not loaded
        self.logit = 3.0

    async def _fault(self, stage: str, answer: Any, version: str = "") -> Any:
        fault = self.faults.get(f"{stage} {version}") or self.faults.get(stage)
        if fault == "refuse":
            raise Overloaded
        if fault == "raise":
            raise RuntimeError("a text")
        if fault == "cancel":
            raise asyncio.CancelledError
        if fault == "hang":
            await asyncio.Event().wait()
        return answer[:-1] if fault == "short" else answer

    async def check(
        self, texts: list[str], senders: list[str], obfuscated: list[bool]
    ) -> list[tuple[RuleHit, ...] | None]:
        odd, none = (RuleHit("ODD", 6.0, "odd"),), ()
        hits = [None if text == "unruly" else odd if text == "odd" else none for text in texts]
        return await self._fault("rules", hits)

    async def encode(self, texts: list[str], versions: list[str]) -> TokenBatch:
        self.encoded.append(texts)
        lengths = np.array([0 if text == "untokenizable" else len(text) for text in texts], dtype=np.int32)
        ids = np.repeat(np.arange(len(texts), dtype=np.int32), lengths)
        return await self._fault("tokenizer", TokenBatch(ids=ids, lengths=lengths), versions[0])


class Trees:
    def __init__(self, world: World) -> None:
        self._world = world

    async def score(self, texts: list[str], senders: list[str], version: str) -> TreeScores:
        self._world.bundles.append((version, texts))
        size = len(texts)
        spam = np.array([GATE.get(text, 0.0) for text in texts], dtype=np.float32)
        scores = TreeScores(
            spam=spam,
            phishing=np.full(size, 0.1, dtype=np.float32),
            otp=np.array([math.nan if text == "bad item" else 0.2 for text in texts], dtype=np.float32),
            intent=np.zeros((size, len(INTENTS)), dtype=np.float32),
            known=np.array([0.0 if text == "?" else 1.0 for text in texts], dtype=np.float32),
        )
        await self._world._fault("lightgbm", scores.spam)
        if version in self._world.missing:
            return TreeScores(*(np.full_like(getattr(scores, name), np.nan) for name in scores.__struct_fields__))
        return scores


class Transformer:
    def __init__(self, world: World) -> None:
        self._world = world

    async def score(self, tokens: TokenBatch, versions: list[str]):
        starts = np.cumsum(tokens.lengths) - tokens.lengths
        firsts = tokens.ids[starts[tokens.lengths > 0]]
        self._world.asked.append((firsts.tolist(), versions))
        logits = np.full(len(versions), self._world.logit, dtype=np.float32)
        logits[tokens.lengths == 0] = np.nan
        return await self._world._fault("distilbert", logits, versions[0])


class Counts(Observer):
    def __init__(self) -> None:
        self.skipped = self.total = self.disagreed = 0
        self.failures: dict[str, str | None] = {}
        self.heard: defaultdict[str, list[str | None]] = defaultdict(list)

    def stage(self, name: str, items: int, seconds: float, failure: str | None) -> None:
        self.failures[name] = failure
        self.heard[name].append(failure)

    def cascade(self, skipped: int, total: int) -> None:
        self.skipped, self.total = skipped, total

    def audit(self, disagreed: bool) -> None:
        self.disagreed += disagreed


def make(world: World, *, audit_rate: float = 0.0, counts: Counts | None = None, timeout_s: float = 0.05) -> Flow:
    models = {
        ref: SpamModel(ref, Ensemble(0.5, 1.0, 0.0, "lightgbm/1"), Cascade(-4.0, 4.0, 0.5), (0.5, 0.9)) for ref in REFS
    }
    gate = Gate(models, audit_rate=audit_rate, rng=random.Random(1))
    stages = Stages(world, Trees(world), world, Transformer(world))
    return Flow(stages, models, gate, timeout_s=timeout_s, observer=counts or Counts())


def message(text: str, spam: str = REFS[0], **bundles: str) -> Message:
    versions = Versions(spam, **(dict.fromkeys(("gate", "phishing", "otp", "intent"), "lightgbm/1") | bundles))
    return Message(
        id="m", text=text, sender="", recipient="", tenant="t", policy="moderate", intent="none",
        obfuscated=False, versions=versions, received_at=0.0, deadline=math.inf,
    )  # fmt: skip


async def test_one_assessment_a_message_in_order():
    world = World()
    found = await make(world).assess([message(text) for text in ("ham", "maybe", "spam", "?", "odd")])
    assert [a.decided_by for a in found] == ["gate", "ensemble", "gate", "ensemble", "ensemble"]
    assert world.encoded == [["maybe", "?", "odd"]]
    assert world.asked == [([0, 1, 2], [REFS[0]] * 3)]
    assert all(a.degraded == () for a in found)
    assert [hit.symbol for hit in found[4].hits] == ["ODD"]


async def test_each_message_reaches_its_own_version():
    world = World()
    found = await make(world).assess([message("maybe", ref) for ref in (*REFS, REFS[0])])
    assert [versions for _, versions in world.asked] == [[REFS[0]] * 2, [REFS[1]]]
    assert [a.models["spam"] for a in found] == [REFS[0], REFS[1], REFS[0]]


async def test_each_task_is_answered_by_its_own_bundle_and_a_dead_one_leaves_the_others_theirs():
    world = World()
    flow = make(world)
    batch = [message("ham"), message("ham", otp="lightgbm/2"), message("spam", gate="lightgbm/3")]
    first, second, third = await flow.assess(batch)
    assert dict(world.bundles) == {"lightgbm/1": ["ham", "ham", "spam"], "lightgbm/2": ["ham"], "lightgbm/3": ["spam"]}
    assert (second.models["otp"], third.models["gate"], first.models["otp"]) == (
        "lightgbm/2",
        "lightgbm/3",
        "lightgbm/1",
    )
    world.missing = {"lightgbm/2"}
    first, second, third = await flow.assess(batch)
    assert [a.degraded for a in (first, second, third)] == [(), ("lightgbm",), ()]
    assert (second.otp, second.decided_by, third.decided_by) == (None, "gate", "gate")


async def test_when_the_gate_is_sure_of_all_the_transformer_is_not_called():
    world, counts = World(), Counts()
    await make(world, counts=counts).assess([message("ham"), message("spam")])
    assert world.asked == []
    assert (counts.skipped, counts.total) == (2, 2)


@pytest.mark.parametrize("fault", ["raise", "hang", "short", "cancel"])
@pytest.mark.parametrize("stage", ["rules", "lightgbm", "tokenizer", "distilbert"])
async def test_a_stage_that_fails_is_left_out_and_named(stage, fault, caplog):
    if (stage, fault) in {("lightgbm", "short"), ("tokenizer", "short")}:
        fault = "raise"  # columns of different lengths cannot be built
    world, counts = World(), Counts()
    world.faults[stage] = fault
    found = await make(world, counts=counts).assess([message("maybe"), message("maybe")])
    assert [a.degraded for a in found] == [(stage,)] * 2
    decided = {"rules": "ensemble", "lightgbm": "transformer", "tokenizer": "gate", "distilbert": "gate"}
    assert [a.decided_by for a in found] == [decided[stage]] * 2
    assert counts.failures[stage]
    assert "a text" not in caplog.text


async def test_a_stage_that_was_not_needed_is_not_missed():
    world = World()
    world.faults["distilbert"] = world.faults["tokenizer"] = "raise"
    found = await make(world).assess([message("ham"), message("maybe")])
    assert [a.degraded for a in found] == [(), ("tokenizer",)]


async def test_all_stages_down_gives_no_score_at_all():
    world = World()
    world.faults = dict.fromkeys(("rules", "lightgbm", "tokenizer", "distilbert"), "raise")
    (found,) = await make(world).assess([message("maybe")])
    assert (found.spam, found.phishing, found.otp, found.decided_by) == (None, None, None, "none")
    assert set(found.degraded) == {"rules", "lightgbm", "tokenizer"}


async def test_a_bad_item_is_degraded_alone():
    found = await make(World()).assess([message(t) for t in ("maybe", "bad item", "untokenizable", "unruly")])
    assert [a.degraded for a in found] == [(), ("lightgbm",), ("tokenizer",), ("rules",)]
    assert [a.otp is None for a in found] == [False, True, False, False]


async def test_audited_messages_go_through_and_disagreement_closes_the_gate():
    world, counts = World(), Counts()
    world.logit = 30.0  # the transformer contradicts the gate on ham
    flow = make(world, audit_rate=1.0, counts=counts)
    found = await flow.assess([message("ham")] * 4)
    assert (counts.skipped, counts.disagreed) == (4, 4)
    assert {a.decided_by for a in found} == {"ensemble"}
    await flow.assess([message("ham")])
    assert counts.skipped == 0


async def test_a_dead_stage_is_left_alone_but_for_probes_and_used_again_when_it_is_back():
    world, counts = World(), Counts()
    flow = make(world, counts=counts)
    world.faults["rules"] = "hang"
    for _ in range(3):
        await flow.assess([message("maybe")])
    assert counts.failures["rules"] == "TimeoutError"
    (found,) = await flow.assess([message("maybe")])
    assert (counts.failures["rules"], found.degraded) == ("open", ("rules",))
    del world.faults["rules"]
    await asyncio.sleep(1.1)
    (found,) = await flow.assess([message("odd")])
    assert (counts.failures["rules"], found.degraded) == (None, ())
    assert found.hits


async def test_a_cancelled_batch_ends():
    world = World()
    world.faults["rules"] = "hang"
    batch = asyncio.create_task(make(world).assess([message("maybe")]))
    await asyncio.sleep(0.01)
    batch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await batch


async def test_what_the_gate_decides_does_not_wait_for_the_transformer():
    world = World()
    world.faults["distilbert"] = "hang"
    parts = make(world).assess_in_parts([message(text) for text in ("maybe", "ham", "spam")])
    assert [i for i, _ in await anext(parts)] == [1, 2]
    ((i, found),) = await anext(parts)
    assert (i, found.degraded, found.decided_by) == (0, ("distilbert",), "gate")


@pytest.mark.parametrize("stage", ["tokenizer", "distilbert"])
async def test_a_version_that_hangs_takes_nothing_from_the_others(stage: str):
    world, counts = World(), Counts()
    world.faults[f"{stage} {REFS[1]}"] = "hang"
    flow = make(world, counts=counts)
    batch = [message("maybe", ref) for ref in (REFS[1], REFS[0], REFS[1])]
    for _ in range(3):
        first, late = [part async for part in flow.assess_in_parts(batch)]
        assert [(i, a.degraded, a.decided_by) for i, a in first] == [(1, (), "ensemble")]
        assert [(i, a.degraded, a.decided_by) for i, a in late] == [(i, (stage,), "gate") for i in (0, 2)]
    assert counts.failures[stage] == "TimeoutError"
    assert [a.degraded for a in await flow.assess(batch)] == [(stage,), (), (stage,)]
    assert LEFT_ALONE in counts.heard[stage], "the version is left alone after its third failure"


async def test_who_leaves_between_two_versions_leaves_nothing_running():
    world = World()
    world.faults[f"distilbert {REFS[1]}"] = "hang"
    before = asyncio.all_tasks()
    parts = make(world, timeout_s=60.0).assess_in_parts([message("maybe", ref) for ref in REFS])
    await anext(parts)
    assert asyncio.all_tasks() > before
    async with asyncio.timeout(5):
        await parts.aclose()
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("refs", [REFS[:1], REFS])
async def test_a_stage_without_time_for_what_can_wait_has_not_failed(refs: tuple[str, ...], caplog):
    world = World()
    world.faults["distilbert"] = "refuse"
    flow = make(world)
    for _ in range(4):
        with pytest.raises(Overloaded):
            await flow.assess([message("maybe", ref) for ref in refs])
    del world.faults["distilbert"]
    assert [a.degraded for a in await flow.assess([message("maybe", ref) for ref in refs])] == [()] * len(refs)
    assert not caplog.records
