"""Load on a running Winnow by four kinds of callers. How to run it: loadtests/README.md.

Messages come from the project's own generator. A text is sent once, except by `Campaign`, whose point is repetition.
"""

import os
import random
import re
import time
from collections.abc import Iterator
from itertools import accumulate, count
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
import msgspec
from locust import FastHttpUser, constant, constant_throughput, task

from training.examples import Example
from training.synthetic import generate

SEED = int(os.environ.get("WINNOW_LOAD_SEED", time.time_ns() % 1_000_000_000))
TEXTS = int(os.environ.get("WINNOW_LOAD_TEXTS", 10_000))  #: generated before the load starts
RATE = float(os.environ.get("WINNOW_LOAD_RATE", 0))  #: requests a second of each user; 0: as fast as answers come
BULK = 100
CAMPAIGNS, ZIPF = 1_000, 1.1  #: texts of campaigns, and how far the most frequent ones outweigh the rest

_DIGIT = re.compile(r"\d")


def key() -> str:
    """WINNOW_KEY, else the development key of the server in WINNOW_HOME."""
    home = Path(os.environ.get("WINNOW_HOME", ".winnow"))
    return os.environ.get("WINNOW_KEY") or (home / "development.key").read_text().strip()


def fresh(pool: list[Example]) -> Iterator[Example]:
    """The pool in order; from the second round on with other digits, which most texts have, so that few repeat."""
    dice = random.Random(SEED)
    yield from pool
    for index in count():
        example = pool[index % len(pool)]
        text = _DIGIT.sub(lambda _: str(dice.randrange(10)), example.text)
        yield msgspec.structs.replace(example, text=text)


STREAM = fresh(generate(TEXTS, SEED))
CAMPAIGN = generate(CAMPAIGNS, SEED + 1)
SHARES = list(accumulate(rank**-ZIPF for rank in range(1, CAMPAIGNS + 1)))
gevent.get_hub().loop.update_now()  # its clock stood still meanwhile, and the run time counts from it


class Caller(FastHttpUser):
    """What all callers do. An answer that lacks a stage, or a message without a verdict, counts as a failure."""

    abstract = True
    host = os.environ.get("WINNOW_URL", "http://127.0.0.1:8000")
    default_headers = {"Authorization": f"Bearer {key()}"}
    wait_time = constant_throughput(RATE) if RATE else constant(0)

    def classify(self, example: Example, name: str) -> dict[str, Any] | None:
        """The verdict on one message; None when there is none."""
        with self.client.post("/v1/classify", json=_body(example), name=name, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return None
            verdict: dict[str, Any] = response.json()
            if verdict["status"] != "complete":
                response.failure(f"{verdict['status']}: without {', '.join(verdict['degraded'])}")
            return verdict


class Single(Caller):
    """A gateway that asks about every message on its own, no text twice."""

    weight = 8

    @task
    def one(self) -> None:
        self.classify(next(STREAM), "single")


class Campaign(Caller):
    """A gateway in a bulk campaign: few texts, sent over and over. Caches and single flight answer most of it."""

    weight = 4

    @task
    def one_of_many(self) -> None:
        (example,) = random.choices(CAMPAIGN, cum_weights=SHARES)
        self.classify(example, "campaign")


class Bulk(Caller):
    """A gateway that sends a hundred messages a request."""

    weight = 2

    @task
    def many(self) -> None:
        messages = [_body(next(STREAM)) for _ in range(BULK)]
        path, name = "/v1/classify/batch", f"bulk of {BULK}"
        with self.client.post(path, json={"messages": messages}, name=name, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
                return
            results = response.json()["results"]
            bad = sum(result.get("status") != "complete" for result in results)
            if bad or len(results) != BULK:
                response.failure(f"{BULK - len(results) + bad} messages without a complete verdict")


class Feedback(Caller):
    """A customer who says what a message really was, with the receipt of its verdict."""

    weight = 1

    @task
    def tell(self) -> None:
        example = next(STREAM)
        verdict = self.classify(example, "single, before feedback")
        if verdict is None or example.spam is None:
            return
        told = {"receipt": verdict["receipt"], "label": "spam" if example.spam else "ham"}
        with self.client.post("/v1/feedback", json=told, name="feedback", catch_response=True) as response:
            if response.status_code != 202:
                response.failure(f"status {response.status_code}")


def _body(example: Example) -> dict[str, str]:
    return {"text": example.text, "sender": example.sender}
