"""The result cache and single flight over HTTP, and Redis going away and coming back under load."""

import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from deployments.embedded import EmbeddedRedis
from tests.support.server import Server

MODEL_ITEMS = 'winnow_stage_items_total{stage="lightgbm"}'


def fresh(prefix: str) -> str:
    """A text that nobody has asked before."""
    return f"{prefix} {uuid.uuid4().hex}"


def test_a_thousand_equal_messages_posted_at_once_run_the_models_once(server: Server):
    text = fresh("single flight")
    before = server.metric(MODEL_ITEMS)
    with ThreadPoolExecutor(64) as pool:
        verdicts = list(pool.map(lambda _: server.classify(text), range(1000)))
    assert server.metric(MODEL_ITEMS) - before == 1
    sources = Counter(verdict["cache"] for verdict in verdicts)
    assert sources["miss"] == 1
    assert set(sources) <= {"miss", "coalesced", "memory"}
    assert len({verdict["spam_score"] for verdict in verdicts}) == 1


def test_equal_messages_of_one_batch_run_the_models_once(server: Server):
    text = fresh("one batch")
    before = server.metric(MODEL_ITEMS)
    _, body, _ = server.request("POST", "/v1/classify/batch", {"messages": [{"text": text}] * 1000})
    assert server.metric(MODEL_ITEMS) - before == 1
    assert Counter(r["cache"] for r in body["results"]) == {"miss": 1, "coalesced": 999}


def test_what_could_change_the_answer_is_another_question(server: Server):
    text = fresh("sender matters")
    assert server.classify(text)["cache"] == "miss"
    assert server.classify(text)["cache"] == "memory"
    assert server.classify(text, sender="+15550001111")["cache"] == "miss"


def test_answers_outlive_the_process_in_redis(server: Server, redis: EmbeddedRedis):
    import asyncio

    from redis.asyncio import Redis

    async def keys() -> list[bytes]:
        async with Redis.from_url(redis.url) as client:
            return await client.keys("winnow:cache:*")

    text = fresh("kept in redis")
    before = set(asyncio.run(keys()))
    server.classify(text)
    give_up = time.monotonic() + 5
    while not (new := set(asyncio.run(keys())) - before) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert len(new) == 1
    assert text.encode() not in b"".join(new)


def test_redis_may_stop_and_come_back_under_load(server: Server, redis: EmbeddedRedis):
    statuses: Counter[int] = Counter()
    stop = threading.Event()

    def load() -> None:
        while not stop.is_set():
            status, verdict, _ = server.request("POST", "/v1/classify", {"text": fresh("load")})
            statuses[status if verdict.get("status") == "complete" else -1] += 1

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        time.sleep(0.5)
        redis.stop()
        time.sleep(2)
        during = statuses.total()
        redis.start()
        time.sleep(3)  # a probe a second finds it
        failures = 'winnow_backend_failures_total{backend="redis"'
        settled = server.metric(failures)
        time.sleep(1)
        assert server.metric(failures) == settled, "Redis is back but not in use"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert during > 0
    assert set(statuses) == {200}
    assert settled > 0
