"""A server of the OpenAI protocol serves the adapter, and Winnow's own client classifies by it over a socket."""

from collections.abc import AsyncIterator

import pytest

from pipeline.clients.groq_intent import GroqIntent
from tests.support.language_server import LanguageServer
from tests.unit.training.lora.conftest import Run
from training.lora.data import GRAMMAR
from training.lora.judging import choose
from training.lora.model import load_adapter, load_base

NAME = "winnow-intent"


@pytest.fixture
async def server(tiny_run: Run) -> AsyncIterator[LanguageServer]:
    async with LanguageServer(tiny_run.adapter, NAME) as running:
        yield running


async def test_winnow_classifies_by_the_adapter(server: LanguageServer, tiny_run: Run) -> None:
    examples = tiny_run.data.taught
    texts, senders = [e.text for e in examples], [e.sender for e in examples]
    outcomes: list[str] = []
    usage: list[tuple[int, int]] = []
    client = GroqIntent(
        "any", base_url=server.url, model=NAME, on_outcome=outcomes.append, on_usage=lambda *spent: usage.append(spent)
    )
    answers = await client.classify(texts, senders, [60.0] * len(texts))
    await client.close()
    expected = choose(load_adapter(load_base(tiny_run.settings.base), tiny_run.adapter), texts, senders)
    assert answers == [choice.written for choice in expected]
    right = sum(answer == example.intent for answer, example in zip(answers, examples, strict=True))
    assert right > 0.9 * len(examples) and len(set(answers)) == 9
    assert outcomes.count("ok") == sum(answer is not None for answer in answers)
    assert all(prompt > completion > 0 for prompt, completion in usage)


async def test_a_base_url_with_a_path_and_messages_that_it_never_saw(server: LanguageServer, tiny_run: Run) -> None:
    examples = tiny_run.data.judged[GRAMMAR][:6]
    client = GroqIntent("any", base_url=f"{server.url}/v1", model=NAME, output="json_schema")
    texts, senders = [e.text for e in examples], [e.sender for e in examples]
    answers = await client.classify(texts, senders, [60.0] * len(texts))
    await client.close()
    expected = choose(load_adapter(load_base(tiny_run.settings.base), tiny_run.adapter), texts, senders)
    assert answers == [choice.written for choice in expected]
    assert len(server.requests) == len(examples)


async def test_a_model_that_the_server_does_not_know_is_no_answer(server: LanguageServer) -> None:
    outcomes: list[str] = []
    client = GroqIntent("any", base_url=server.url, model="another", on_outcome=outcomes.append)
    assert await client.classify(["482913 is your OTP"], [""], [10.0]) == [None]
    await client.close()
    assert outcomes == ["NotFoundError"]
