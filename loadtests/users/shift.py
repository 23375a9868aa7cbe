"""An experiment's weights change under load, and every verdict is checked against them."""

import random
import time
from typing import Any, NoReturn

import gevent  # type: ignore[import-untyped]
import msgspec
from gevent.event import AsyncResult  # type: ignore[import-untyped]
from locust import task
from locust.exception import StopUser
from locust.runners import STATE_CLEANUP, STATE_STOPPED, STATE_STOPPING, WorkerRunner

from loadtests.answers import incomplete
from loadtests.ledger import Ledger, Step, plan, split_fault
from loadtests.users.caller import Caller, Verdict
from model_store.store import LocalStore

SENDERS = [f"+1555{number:07d}" for number in range(2_000)]  #: few enough that most come again within a step
PATH = "/v1/experiments/spam"
LOADED_S = 60.0  #: that a version may take
ASKED, LOOK_S = 20, 0.05  #: answers in a row that say "ready", and the pause between two

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

    Whatever happens, what was before the run is set again. Needs the scope `admin`.
    """

    fixed_count = 1

    def on_start(self) -> None:
        self._options: Any = self.environment.parsed_options
        self._runner: Any = self.environment.runner
        self._begun = self._finished = False
        if isinstance(self._runner, WorkerRunner):
            self._give_up("a shift needs all its users in one process")
        changes = self._get(f"{PATH}/history?limit=1")["changes"]
        self._revision = changes[0]["revision"] if changes else 0
        found = [each for each in self._get("/v1/experiments")["experiments"] if each["task"] == "spam"]
        self._before: dict[str, Any] | None = found[0] if found else None
        arms = self._options.arms or self._two_versions()
        weights = self._before["arms"] if self._before else {}
        self._plan = plan(*arms)
        self._ledger = Ledger({*arms, *weights}, Step(self._revision, weights))
        _ledger.set(self._ledger)

    @task
    def shift(self) -> None:
        """The first step gives the second version no weight: it is loaded meanwhile, and its senders move but once."""
        for arms in self._plan:
            if not self._put({"arms": arms, "sticky_by": "sender"}, "load test"):
                self._give_up("the weights could not be set")
            self._await_ready()
            gevent.sleep(self._options.step_time)
        for step, counts in self._ledger.splits():
            shares = "/".join(f"{weight:g}" for weight in step.arms.values())
            self.report("CHECK", f"split {shares}", split_fault(counts, step.arms))
        self._finished = True
        raise StopUser

    def on_stop(self) -> None:
        if self._begun:
            self._restore()
            self.report("CHECK", "all steps made", None if self._finished else "the run ended before the shift did")
        if self._runner.state not in (STATE_STOPPING, STATE_STOPPED, STATE_CLEANUP):
            gevent.spawn_later(0.1, self._runner.quit)  # when this user is gone: locust trips over a dead one

    def _two_versions(self) -> list[str]:
        """The default, and the newest other one of the store in the project."""
        default = next(each["ref"] for each in self._get("/v1/models")["models"] if each["kind"] == "distilbert")
        name, _ = default.split("/")
        others = [ref for version in LocalStore().versions(name) if (ref := f"{name}/{version}") != default]
        if not others:
            self._give_up("a shift needs two versions")
        return [default, others[-1]]

    def _await_ready(self) -> None:
        """Until so many answers in a row say so that every replica has been asked."""
        give_up, streak = time.monotonic() + LOADED_S, 0
        while streak < ASKED:
            if time.monotonic() > give_up:
                self._give_up("a version was not loaded in time")
            listed = self._get("/v1/experiments")["experiments"]
            states = [state for each in listed if each["task"] == "spam" for state in each["states"].values()]
            streak = streak + 1 if states and set(states) == {"ready"} else 0
            gevent.sleep(LOOK_S)

    def _get(self, path: str) -> dict[str, Any]:
        with self.client.get(path, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                raise StopUser
            found: dict[str, Any] = response.json()
            return found

    def _restore(self) -> None:
        if self._before:
            setup = {part: self._before[part] for part in ("arms", "sticky_by", "shadow", "control")}
            self._put(setup, "load test: as before")
        else:
            self._ledger.announce(Step(self._revision + 1, {}), time.monotonic())
            self.client.delete(f"{PATH}?revision={self._revision}&why=load+test", name=PATH)

    def _put(self, setup: dict[str, Any], why: str) -> bool:
        """Set weights, unless somebody else did since: the next revision is known before anybody can see it."""
        asked = {**setup, "why": why, "revision": self._revision}
        self._ledger.announce(Step(self._revision + 1, setup["arms"]), time.monotonic())
        with self.client.put(PATH, json=asked, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return False
            self._begun = True
            self._revision = response.json()["revision"]
            self._ledger.confirm(self._revision, time.monotonic())
            return True

    def _give_up(self, fault: str) -> NoReturn:
        self.report("CHECK", "shift", fault)
        raise StopUser
