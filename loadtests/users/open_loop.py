"""Callers that do not wait: messages arrive at a given rate, whatever became of those before."""

import logging
import random
import time
from typing import Any

import gevent  # type: ignore[import-untyped]
from gevent.pool import Pool  # type: ignore[import-untyped]
from locust import task
from locust.env import Environment

from loadtests.answers import REFUSALS, incomplete, rude
from loadtests.arrivals import poisson
from loadtests.messages import body
from loadtests.users.caller import Caller
from training.examples import Example

log = logging.getLogger(__name__)

NAME, REFUSED = "open loop", "open loop, refused"
GRACE_S = 5.0  #: for answers still on their way when the run ends; longer than the server's own deadline


class OpenLoop(Caller):
    """A network full of phones: `--rate` arrivals a second, Poisson. Latency counts from when a message was due.

    A message that finds `--in-flight` others under way is not sent and counts as a failure: to wait would slow the
    arrivals down to what the server can take.
    """

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self._rate: float = options.rate
        self.concurrency = options.in_flight  # connections: none waits for another
        super().__init__(environment)
        self._under_way = Pool(options.in_flight)
        self._sent, self._late_s, self._latest_s = 0, 0.0, 0.0

    @task
    def arrivals(self) -> None:
        started = time.perf_counter()
        for due in poisson(self._rate, random.Random()):
            gevent.sleep(max(0.0, started + due - time.perf_counter()))
            if self._under_way.full():
                self.report("POST", NAME, "not sent: too many under way")
            else:
                self._under_way.spawn(self._ask, self.messages.next(), started + due)

    def on_stop(self) -> None:
        self._under_way.join(timeout=GRACE_S)
        unanswered = len(self._under_way)
        self._under_way.kill()
        for _ in range(unanswered):
            self.report("POST", NAME, "no answer when the run ended")
        if self._sent:
            mean_ms, most_ms = 1000 * self._late_s / self._sent, 1000 * self._latest_s
            log.info("locust itself sent messages %.1f ms late on average, %.1f ms at most", mean_ms, most_ms)

    def _ask(self, example: Example, due: float) -> None:
        """One request, reported with the time since it was due (seconds on the clock of `perf_counter`)."""
        self._note_lateness(time.perf_counter() - due)
        with self.client.post("/v1/classify", json=body(example), name=NAME, catch_response=True) as response:
            response.request_meta["response_time"] = 1000 * (time.perf_counter() - due)
            if response.status_code in REFUSALS:
                response.request_meta["name"] = REFUSED
                fault = rude(response.headers.get("Retry-After"))
            elif response.status_code == 200:
                fault = incomplete(response.json())
            else:
                fault = f"status {response.status_code}"
            if fault:
                response.failure(fault)
            else:
                response.success()

    def _note_lateness(self, seconds: float) -> None:
        self._sent += 1
        self._late_s += seconds
        self._latest_s = max(self._latest_s, seconds)
