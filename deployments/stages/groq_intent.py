"""Intent of one-time passwords from a language model."""

from configs.settings import Settings, secrets
from deployments import metrics
from deployments.stages.worker import discreet
from pipeline.clients.groq_intent import GroqIntent as GroqClient


class GroqIntent:
    """An `IntentStage`."""

    def __init__(self, settings: Settings) -> None:
        environment = secrets()
        self._client = GroqClient(
            environment.groq_api_key,
            base_url=environment.groq_base_url,
            model=settings.intent.model,
            max_concurrency=settings.intent.concurrency,
            on_outcome=metrics.count_groq_outcome,
            on_usage=metrics.count_groq_usage,
        )

    @discreet
    async def classify(self, texts: list[str], senders: list[str], budgets_s: list[float]) -> list[str | None]:
        return await self._client.classify(texts, senders, budgets_s)
