"""What holds for the real Redis alone."""

from redis.asyncio import Redis

from deployments.embedded import EmbeddedBackends
from pipeline.clients.redis_store import RedisStore
from pipeline.clients.store import SENDER_TTL_S, MemoryStore


async def calls(redis: Redis) -> dict[str, int]:
    return {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in (await redis.info("commandstats")).items()}


async def test_a_batch_is_one_command(backends: EmbeddedBackends, unique: str) -> None:
    store, redis = RedisStore(backends.redis_url), Redis.from_url(backends.redis_url)
    await redis.config_resetstat()
    await store.set_many({f"{unique}{i}".encode(): b"v" for i in range(100)}, 60)
    await store.get_many([f"{unique}{i}".encode() for i in range(100)])
    await store.reputations([f"{unique}{i}" for i in range(100)])
    counted = await calls(redis)
    await store.close()
    await redis.aclose()
    assert counted["mget"] == 1 and counted["eval"] == 2


async def test_everything_stored_expires(backends: EmbeddedBackends, unique: str) -> None:
    store, redis = RedisStore(backends.redis_url), Redis.from_url(backends.redis_url)
    await store.set_many({unique.encode(): b"v"}, 60)
    await store.report(unique, "acme", True, 4)
    await store.report(f"{unique}-2", "acme", True, 4)
    await store.correct(f"{unique}-2", "acme", False, 4)
    lifetimes = [await redis.ttl(name) async for name in redis.scan_iter(f"winnow:*{unique}*")]
    await store.close()
    await redis.aclose()
    assert len(lifetimes) == 3 and all(lifetime > 0 for lifetime in lifetimes)


async def test_reputations_survive_a_restart(backends: EmbeddedBackends, unique: str) -> None:
    store = RedisStore(backends.redis_url)
    await store.report(unique, "acme", True, 4)
    await store.close()
    backends.redis.stop()
    backends.redis.start()
    store = RedisStore(backends.redis_url)
    assert await store.reputations([unique]) == [(1, 0)]
    await store.close()


async def test_a_sender_that_nobody_reports_is_forgotten_with_all_tenants_said(
    backends: EmbeddedBackends, unique: str
) -> None:
    store, redis = RedisStore(backends.redis_url), Redis.from_url(backends.redis_url)
    for tenant in ("acme", "other"):
        await store.report(unique, tenant, True, 1)
    (name,) = [name async for name in redis.scan_iter(f"winnow:*{unique}*")]
    await redis.pexpire(name, 1)
    while await store.reputations([unique]) != [(0, 0)]:
        pass
    await store.report(unique, "acme", True, 1)
    assert await store.reputations([unique]) == [(1, 0)]
    await store.close()
    await redis.aclose()


async def test_the_fake_forgets_as_well(unique: str) -> None:
    now = 0.0
    store = MemoryStore(clock=lambda: now)
    await store.report(unique, "acme", True, 1)
    now = SENDER_TTL_S - 1.0
    await store.report(unique, "acme", True, 1)
    now = 2 * SENDER_TTL_S - 2.0
    assert await store.reputations([unique]) == [(1, 0)], "every report lets it live on"
    now = 2 * SENDER_TTL_S - 1.0
    assert await store.reputations([unique]) == [(0, 0)]
    await store.report(unique, "acme", True, 1)
    assert await store.reputations([unique]) == [(1, 0)]
