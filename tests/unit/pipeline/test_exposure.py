"""What experiments learn of a message."""

import time

import msgspec
import pytest

from pipeline.exposure import Exposures
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

    def exposed(self, task: str, arm: str, seconds: float, failed: bool) -> None:
        assert 0.0 <= seconds < 60.0
        self.counted.append((task, arm, failed))


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

    def answer(self, **changes: object) -> None:
        self.watch.answered(self.message, self.route, msgspec.structs.replace(VERDICT, **changes))


@pytest.mark.parametrize(
    ("degraded", "spam", "otp"),
    [
        ((), False, False),
        (("distilbert",), True, False),
        (("lightgbm",), True, True),
        (("rules", "groq"), False, False),
    ],
)
def test_an_arm_fails_where_a_stage_of_its_task_is_missing(degraded: tuple[str, ...], spam: bool, otp: bool):
    world = World()
    world.answer(degraded=degraded)
    assert world.tally.counted == [("spam", "distilbert/2", spam), ("otp", "lightgbm/2", otp)]


def test_a_message_without_an_answer_is_a_failure_of_every_arm():
    world = World()
    world.watch.failed(world.message, world.route)
    assert world.tally.counted == [("spam", "distilbert/2", True), ("otp", "lightgbm/2", True)]


def test_shadows_are_offered_what_was_computed_and_what_the_verdict_said():
    world = World({"distilbert/3": 1.0})
    world.answer(is_spam=True)
    world.answer(cache="memory")
    world.answer(is_spam=None)
    assert world.shadows.copies == [("distilbert/3", "spam")]


def test_outside_of_experiments_nothing_is_counted():
    world = World()
    plain = Router(DEFAULTS, lambda _: "lightgbm/1").route("+1", "", "m")
    world.watch.answered(world.message, plain, VERDICT)
    world.watch.failed(world.message, plain)
    assert world.tally.counted == []
    assert (plain.versions, plain.experiment) == (Versions("distilbert/1", *("lightgbm/1",) * 4), None)
    assert world.route.experiment == {"spam": Credit("distilbert/2", 3), "otp": Credit("lightgbm/2", 5)}
