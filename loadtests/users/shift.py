"""An experiment's weights change under load, and every verdict is checked against them."""

import random
import time
from typing import Any

import gevent  # type: ignore[import-untyped]
import msgspec
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from locust import task
from locust.exception import StopUser
from locust.runners import STATE_CLEANUP, STATE_STOPPED, STATE_STOPPING, WorkerRunner

from loadtests.answers import incomplete
from loadtests.ledger import Ledger, Step, plan, split_fault
from loadtests.users.caller import Caller, Verdict

SENDERS = [f"+1555{number:07d}" for number in range(2_000)]  #: few enough that most come again within a step
PATH = "/v1/experiments/spam"

_ledger = AsyncResult()  #: of the shift under way; the operator opens it, and those it watches wait for that


class Watched(Caller):
    """A gateway like `Single` whose verdicts must name the right arm and revision."""

    @task
    def one(self) -> None:
        ledger: Ledger = _ledger.get()
        example = msgspec.structs.replace(self.messages.next(), sender=random.choice(SENDERS))
        asked_at = time.monotonic()

        def check(verdict: Verdict) -> str | None:
            return incomplete(verdict) or ledger.fault(verdict, example.sender, asked_at)

        self.classify(example, "single, watched", check)


class Operator(Caller):
    """One engineer who shifts the traffic from a version to another and back, judges the splits and ends the run.

    Whatever happens, the weights from before the run are set again. Needs the scope `admin`.
    """

    fixed_count = 1

    def on_start(self) -> None:
        self._options: Any = self.environment.parsed_options
        self._runner: Any = self.environment.runner
        self._before: dict[str, Any] | None = None  #: the experiment to go back to; None: nothing was changed
        self._revision = 0
        self._finished = False
        if isinstance(self._runner, WorkerRunner):
            self._give_up("a shift needs all its users in one process")
        loaded = [each["ref"] for each in self._get("/v1/models")["models"] if each["kind"] == "distilbert"]
        arms = self._options.arms or loaded[:2]
        if len(arms) < 2:
            self._give_up("a shift needs two loaded versions")
        found = [each for each in self._get("/v1/experiments")["experiments"] if each["task"] == "spam"]
        origin: dict[str, Any] = found[0] if found else {"revision": 0, "arms": {}}
        self._revision = origin["revision"]
        self._plan = plan(*arms)
        self._before = origin if found else {"arms": self._plan[0], "sticky_by": "sender"}
        self._ledger = Ledger(loaded, Step(origin["revision"], origin["arms"]))
        _ledger.set(self._ledger)

    @task
    def shift(self) -> None:
        for arms in self._plan:
            if not self._put(arms, "load test", "sender"):
                self._give_up("the weights could not be set")
            gevent.sleep(self._options.step_time)
        for step, counts in self._ledger.splits():
            shares = "/".join(f"{weight:g}" for weight in step.arms.values())
            self.report("CHECK", f"split {shares}", split_fault(counts, step.arms))
        self._finished = True
        raise StopUser

    def on_stop(self) -> None:
        if self._before is not None:
            self._put(self._before["arms"], "load test: as before", self._before["sticky_by"])
            self.report("CHECK", "all steps made", None if self._finished else "the run ended before the shift did")
        if self._runner.state not in (STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP):
            gevent.spawn_later(0.1, self._runner.quit)  # when this user is gone: locust trips over a dead one

    def _get(self, path: str) -> dict[str, Any]:
        with self.client.get(path, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                raise StopUser
            found: dict[str, Any] = response.json()
            return found

    def _put(self, arms: dict[str, float], why: str, sticky_by: str) -> bool:
        """Set weights, unless somebody else did since: the next revision is known before anybody can see it."""
        asked = {"arms": arms, "sticky_by": sticky_by, "why": why, "revision": self._revision}
        self._ledger.announce(Step(self._revision + 1, arms))
        with self.client.put(PATH, json=asked, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return False
            self._revision = response.json()["revision"]
            self._ledger.confirm(self._revision, time.monotonic())
            return True

    def _give_up(self, fault: str) -> None:
        self.report("CHECK", "shift", fault)
        raise StopUser
