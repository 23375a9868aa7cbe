"""Ray Serve as its guide shows it: the default environment, the Python proxy, `@serve.batch`."""

import contextlib
import signal
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from loadtests.bench.peers.model import Model, options

ASKED = options()


@serve.deployment(num_replicas=ASKED.workers, max_ongoing_requests=128, ray_actor_options={"num_cpus": 0.5})
class Batched:
    def __init__(self) -> None:
        self.model = Model(ASKED.model)

    @serve.batch(max_batch_size=ASKED.batch, batch_wait_timeout_s=ASKED.wait_ms / 1000)
    async def score(self, texts: list[str]) -> list[float]:
        return self.model.score(texts)

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"spam_score": await self.score((await request.json())["text"])}


@serve.deployment(num_replicas=ASKED.workers, max_ongoing_requests=128, ray_actor_options={"num_cpus": 0.5})
class Single:
    def __init__(self) -> None:
        self.model = Model(ASKED.model)

    async def __call__(self, request: Request) -> dict[str, Any]:
        return {"spam_score": self.model.score([(await request.json())["text"]])[0]}


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ray.init("local", include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has put its own in place
        serve.start(http_options={"host": "127.0.0.1", "port": ASKED.port})
        deployment: Any = Batched if ASKED.batch > 1 else Single
        serve.run(deployment.bind(), route_prefix="/classify")
        signal.pause()
    finally:
        with contextlib.suppress(Exception):
            serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
