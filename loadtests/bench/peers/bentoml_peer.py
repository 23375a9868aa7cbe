"""BentoML: one service, one endpoint, batchable or not.

A batchable endpoint takes and gives lists, so its callers send each text in a list of one. The guide puts a service in
front that takes single messages; its client to the batchable one drops requests in flight whenever it renews its
session (1.4.40), and about a third of the answers at 64 connections were errors.

The dispatcher learns by itself how long to wait; `max_latency_ms` only says when to give up, and stays at its default.
"""

import bentoml

from loadtests.bench.peers.model import Model, options

ASKED = options()
TRAFFIC = {"timeout": 60}
QUIET = {"access": {"enabled": False}}


@bentoml.service(workers=ASKED.workers, traffic=TRAFFIC, logging=QUIET)
class Batched:
    def __init__(self) -> None:
        self.model = Model(ASKED.model)

    @bentoml.api(batchable=True, max_batch_size=max(2, ASKED.batch))  # it refuses 1, even where it is not served
    def classify(self, text: list[str]) -> list[dict[str, float]]:
        return [{"spam_score": score} for score in self.model.score(text)]


@bentoml.service(workers=ASKED.workers, traffic=TRAFFIC, logging=QUIET)
class Single:
    def __init__(self) -> None:
        self.model = Model(ASKED.model)

    @bentoml.api
    def classify(self, text: str) -> dict[str, float]:
        return {"spam_score": self.model.score([text])[0]}


service = Batched if ASKED.batch > 1 else Single

if __name__ == "__main__":
    from bentoml_cli.cli import cli

    cli(["serve", "loadtests.bench.peers.bentoml_peer:service", "--host", "127.0.0.1", "--port", str(ASKED.port)])
