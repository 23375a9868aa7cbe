"""What all callers do."""

import os
from collections.abc import Callable
from typing import Any, ClassVar

from locust import FastHttpUser

from loadtests.answers import incomplete
from loadtests.messages import Messages, body
from training.examples import Example

Verdict = dict[str, Any]
Check = Callable[[Verdict], str | None]


class Caller(FastHttpUser):
    """An answer that lacks a stage, or a message without a verdict, counts as a failure.

    `options.apply` sets key, pace and messages before the first user starts.
    """

    abstract = True
    host = os.environ.get("WINNOW_URL", "http://127.0.0.1:8000")
    messages: ClassVar[Messages]

    def classify(self, example: Example, name: str, check: Check = incomplete) -> Verdict | None:
        """The verdict on one message; None when there is none.

        Args:
            example: what to ask about.
            name: what locust counts it under.
            check: says what is wrong with a verdict.
        """
        with self.client.post("/v1/classify", json=body(example), name=name, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return None
            verdict: Verdict = response.json()
            if fault := check(verdict):
                response.failure(fault)
            return verdict

    def report(self, kind: str, name: str, fault: str | None = None) -> None:
        """Count something that took no time of the server: a check that was made, a request that was not."""
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=None,
            response_length=0,
            exception=AssertionError(fault) if fault else None,
            context={},
        )
