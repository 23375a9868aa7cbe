"""The one way to open Redis."""

from configs.settings import Secrets, Settings
from deployments import metrics
from pipeline.clients.redis_store import RedisStore


def open_redis(settings: Settings, secrets: Secrets) -> RedisStore:
    """The store, whose unanswered calls are counted."""
    return RedisStore(
        secrets.redis_url,
        timeout_s=settings.redis_timeout_ms / 1000,
        on_failure=lambda _, reason: metrics.count_backend_failure("redis", reason),
    )
