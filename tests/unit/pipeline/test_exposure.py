"""What experiments learn of a message."""

import time

import msgspec
import pytest

from pipeline.exposure import Exposures, lacks
from pipeline.router import Copy, Router
from pipeline.routing import Experiment
from pipeline.shadow import Shadows
from pipeline.types import Credit, Message, Verdict, Versions

DEFAULTS = {"spam": "distilbert/1"} | dict.fromkeys(("phishing", "otp", "intent"), "lightgbm/1")
VERDICT = Verdict(
    "m", "complete", "deliver", False, 0.1, False, 0.1, False, 0.1, None, "none", (), "gate", {}, None, "miss", (), ""
)  # fmt: skip


class Tally:
    def __init__(self) -> None:
        self.counted: list[tuple[str, str, bool]] = []
        self.units: list[str] = []
        self.timed: list[bool] = []

    def exposed(self, task: str, arm: str, unit: str, failed: bool, seconds: float | None) -> None:
        assert seconds is None or 0.5 <= seconds < 60.0
        self.counted.append((task, arm, failed))
        self.units.append(unit)
        self.timed.append(seconds is not None)


class Offered(Shadows):
    def __init__(self) -> None:
        self.copies: list[tuple[str, str]] = []

    def offer(self, message: Message, copy: Copy, live: str) -> None:
        self.copies.append((copy.arm, live))


class World:
    def __init__(self, shadow: dict[str, float] | None = None) -> None:
        self.tally, self.shadows = Tally(), Offered()
        self.router = Router(DEFAULTS, lambda _: "lightgbm/1")
        spam = Experiment("spam", {"distilbert/2": 1.0}, "sender", "salt", 3, shadow or {})
        otp = Experiment("otp", {"lightgbm/2": 1.0}, "sender", "salt", 5)
        self.router.adopt([spam, otp], {"distilbert/2", "distilbert/3", "lightgbm/2"})
        self.route = self.router.route("+1", "", "m")
        self.watch = Exposures(self.tally, self.router, self.shadows)
        self.message = Message(
            id="m", text="text", sender="+1", recipient="", tenant="t", policy="moderate", intent="none",
            obfuscated=False, versions=self.route.versions, received_at=time.time() - 0.5, deadline=0.0,
        )  # fmt: skip

    def answer(self, said: str = "ham", bulk: bool = False, **changes: object) -> None:
        verdict = msgspec.structs.replace(VERDICT, **changes)
        self.watch.answered(self.message, self.route, verdict, {"spam": said}, bulk=bulk)


@pytest.mark.parametrize(
    ("changes", "spam", "otp"),
    [
        ({}, False, False),
        ({"degraded": ("distilbert",)}, True, False),  # the gate alone answered
        ({"degraded": ("tokenizer",)}, True, False),
        ({"spam_score": None, "degraded": ("lightgbm", "distilbert")}, True, False),
        ({"otp_score": None, "degraded": ("lightgbm",)}, False, True),
        ({"phishing_score": None, "degraded": ("lightgbm",)}, False, False),  # another bundle's business
        ({"degraded": ("rules", "groq")}, False, False),
    ],
)
def test_an_arm_fails_where_its_own_task_lacks_its_answer(changes: dict[str, object], spam: bool, otp: bool):
    world = World()
    world.answer(**changes)
    assert world.tally.counted == [("spam", "distilbert/2", spam), ("otp", "lightgbm/2", otp)]


@pytest.mark.parametrize(
    ("task", "changes", "expected"),
    [
        ("phishing", {}, False),
        ("phishing", {"phishing_score": None}, True),
        ("intent", {}, False),
        ("intent", {"is_otp": True, "models": {"otp": "lightgbm/1"}}, True),  # "NOT_OTP" stands in
        ("intent", {"is_otp": True, "models": {"intent": "lightgbm/2"}}, False),
        ("intent", {"is_otp": None, "otp_score": None}, False),  # nobody asked it
    ],
)
def test_what_a_verdict_lacks(task: str, changes: dict[str, object], expected: bool):
    assert lacks(task, msgspec.structs.replace(VERDICT, **changes)) is expected


def test_only_what_was_computed_for_a_single_message_is_timed():
    world = World()
    for bulk, cache in ((False, "miss"), (True, "miss"), (False, "memory"), (False, "coalesced"), (False, "redis")):
        world.answer(bulk=bulk, cache=cache)
    world.watch.failed(world.message, world.route)
    assert world.tally.timed[::2] == world.tally.timed[1::2] == [True, False, False, False, False, False]


def test_the_unit_is_what_the_experiment_sticks_to():
    world = World()
    otp = Experiment("otp", {"lightgbm/2": 1.0}, "message", "salt", 5)
    intent = Experiment("intent", {"lightgbm/2": 1.0}, "recipient", "salt", 5)
    spam = Experiment("spam", {"distilbert/2": 1.0}, "sender", "salt", 3)
    world.router.adopt([spam, otp, intent], {"distilbert/2", "lightgbm/2"})
    message = msgspec.structs.replace(world.message, recipient="+2")
    world.watch.failed(message, world.router.route("+1", "+2", "m"))
    assert world.tally.units == ["+1", "m", "+2"]


def test_a_message_without_an_answer_is_a_failure_of_every_arm():
    world = World()
    world.watch.failed(world.message, world.route)
    assert world.tally.counted == [("spam", "distilbert/2", True), ("otp", "lightgbm/2", True)]


def test_shadows_are_offered_what_was_computed_and_what_the_verdict_said():
    world = World({"distilbert/3": 1.0})
    world.answer("spam")
    world.answer("spam", cache="memory")
    world.watch.answered(world.message, world.route, VERDICT, {"phishing": "phishing"}, bulk=False)
    assert world.shadows.copies == [("distilbert/3", "spam")]


def test_outside_of_experiments_nothing_is_counted():
    world = World()
    plain = Router(DEFAULTS, lambda _: "lightgbm/1").route("+1", "", "m")
    world.watch.answered(world.message, plain, VERDICT, {}, bulk=False)
    world.watch.failed(world.message, plain)
    assert world.tally.counted == []
    assert (plain.versions, plain.experiment) == (Versions("distilbert/1", *("lightgbm/1",) * 4), None)
    assert world.route.experiment == {"spam": Credit("distilbert/2", 3), "otp": Credit("lightgbm/2", 5)}
