"""Callers that wait for their answer before they ask again."""

from locust import task

from loadtests.answers import incomplete_bulk
from loadtests.messages import body
from loadtests.users.caller import Caller

BULK = 100


class Single(Caller):
    """A gateway that asks about every message on its own, no text twice."""

    weight = 8

    @task
    def one(self) -> None:
        self.classify(self.messages.next(), "single")


class Campaign(Caller):
    """A gateway in a bulk campaign: few texts, sent over and over. Caches and single flight answer most of it."""

    weight = 4

    @task
    def one_of_many(self) -> None:
        self.classify(self.messages.of_campaign(), "campaign")


class Bulk(Caller):
    """A gateway that sends a hundred messages a request."""

    weight = 2

    @task
    def many(self) -> None:
        asked = {"messages": [body(self.messages.next()) for _ in range(BULK)]}
        path, name = "/v1/classify/batch", f"bulk of {BULK}"
        with self.client.post(path, json=asked, name=name, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}")
            elif fault := incomplete_bulk(response.json()["results"], BULK):
                response.failure(fault)


class Feedback(Caller):
    """A customer who says what a message really was, with the receipt of its verdict."""

    weight = 1

    @task
    def tell(self) -> None:
        example = self.messages.next()
        verdict = self.classify(example, "single, before feedback")
        if verdict is None or example.spam is None:
            return
        told = {"receipt": verdict["receipt"], "label": "spam" if example.spam else "ham"}
        with self.client.post("/v1/feedback", json=told, name="feedback", catch_response=True) as response:
            if response.status_code != 202:
                response.failure(f"status {response.status_code}")
