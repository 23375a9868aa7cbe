"""Intent of one-time passwords from a language model."""

from configs.settings import Secrets, Settings, secrets
from deployments import metrics
from deployments.stages.worker import discreet
from pipeline.budget import Budget
from pipeline.clients.groq_intent import GroqIntent as GroqClient
from pipeline.clients.spending import RedisSpending
from pipeline.keys import Keys


class GroqIntent:
    """An `IntentStage` that spends no more than each tenant's budget."""

    def __init__(self, settings: Settings) -> None:
        environment, intent = secrets(), settings.intent
        self._prices = intent.prices
        self._pseudonyms = Keys(environment.winnow_secret)
        self._client = GroqClient(
            environment.groq_api_key,
            base_url=environment.groq_base_url,
            model=intent.model,
            output=intent.output,
            max_concurrency=intent.concurrency,
            prices=intent.prices,
            budget=_budget(settings, environment),
            on_outcome=metrics.count_groq_outcome,
            on_usage=self._count,
        )

    @discreet
    async def classify(
        self, texts: list[str], senders: list[str], budgets_s: list[float], tenants: list[str] | None = None
    ) -> list[str | None]:
        payers = None if tenants is None else [self._pseudonyms.answer("spent", tenant).hex() for tenant in tenants]
        return await self._client.classify(texts, senders, budgets_s, payers)

    def _count(self, prompt: int, completion: int) -> None:
        metrics.count_groq_usage(prompt, completion)
        metrics.count_groq_cost(self._prices.usd(prompt, completion))


def _budget(settings: Settings, environment: Secrets) -> Budget:
    return Budget(
        RedisSpending(
            environment.redis_url,
            timeout_s=settings.redis_timeout_ms / 1000,
            on_failure=lambda _, reason: metrics.count_backend_failure("redis", reason),
        ),
        usd_per_day=settings.intent.budget_usd_per_tenant_day,
        shares=settings.intent.budget_shares,
        on_alone=metrics.count_budget_alone,
    )
