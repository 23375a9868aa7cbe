"""What the hooks of clients count, as Prometheus reads it."""

from prometheus_client import REGISTRY

from deployments.metrics import count_groq_outcome, count_groq_usage, exposition
from pipeline.clients.groq_intent import GroqIntent
from tests.support.groq_server import GroqServer


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_questions_to_the_language_model_are_counted_with_their_tokens() -> None:
    names = [
        ("winnow_groq_outcomes_total", {"outcome": "ok"}),
        ("winnow_groq_tokens_total", {"kind": "prompt"}),
        ("winnow_groq_tokens_total", {"kind": "completion"}),
    ]
    before = [sample(name, **labels) for name, labels in names]
    async with GroqServer() as server:
        client = GroqIntent("key", base_url=server.url, on_outcome=count_groq_outcome, on_usage=count_groq_usage)
        await client.classify(["Your code is 123456"] * 2, [""] * 2, [5.0] * 2)
        await client.close()
    grown = [sample(name, **labels) - was for (name, labels), was in zip(names, before, strict=True)]
    assert grown == [2, 2 * 230, 2 * 14]
    assert b'winnow_groq_outcomes_total{outcome="ok"}' in exposition()
