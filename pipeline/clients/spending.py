"""Redis counts what tenants spend on the language model, for all replicas."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from pipeline.breaker import Breaker
from pipeline.clients.guard import FailureHook, Guard, ignore_failure

_SPENT = "winnow:spent:"
_TTL_S = 2 * 86_400  #: longer than any day of UTC is asked for

_RESERVE = """
local spent = redis.call('INCRBY', KEYS[1], ARGV[3])
local granted = 0
if spent + tonumber(ARGV[1]) <= tonumber(ARGV[2]) then
  spent = redis.call('INCRBY', KEYS[1], ARGV[1])
  granted = 1
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return {granted, spent}
"""


class RedisSpending:
    """A `pipeline.budget.Spending`. When Redis is down, calls cost their timeout at most, and answer None.

    Args:
        url: redis://, rediss:// or unix://.
        timeout_s: the most that one call may take.
        breaker: decides when Redis is left alone, and when it is tried again.
        on_failure: hears of each call that went unanswered.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 0.05,
        breaker: Breaker | None = None,
        on_failure: FailureHook = ignore_failure,
    ) -> None:
        self._redis: Redis = Redis.from_url(url, retry=Retry(NoBackoff(), 0), protocol=2, driver_info=None)
        self._guard = Guard(timeout_s, breaker or Breaker(), on_failure)

    async def reserve(self, tenant: str, day: str, amount: int, limit: int, owed: int) -> tuple[bool, int] | None:
        async def run() -> tuple[bool, int] | None:
            granted, spent = await self._redis.eval(_RESERVE, 1, f"{_SPENT}{tenant}:{day}", amount, limit, owed, _TTL_S)
            return bool(granted), int(spent)

        return await self._guard.call("reserve", run, None)

    async def close(self) -> None:
        await self._redis.aclose()
