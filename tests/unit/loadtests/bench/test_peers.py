"""What the peers share: the model and the batcher."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from loadtests.bench.peers.batcher import TakeAll
from loadtests.bench.peers.model import Model, Options, options
from loadtests.bench.servers import model_folder
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.scoring import Platt

TEXTS = [
    "Are we still on?",
    "WINNER!! Call 09061701461 now to claim your prize of 900 pounds, code KL341.",
    "ok " * 200,
]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(model_folder())


def expected(texts: Sequence[str]) -> np.ndarray:
    """By Winnow's own classes, uncalibrated, in one padded call."""
    folder = model_folder()
    logits = Transformer(folder, Platt(a=1.0, b=0.0), budget=1_000_000).logits(WordPiece(folder, 96).encode(texts))
    return 1 / (1 + np.exp(-logits))


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[::-1], *([text] for text in TEXTS)])
def test_the_model_scores_as_winnows_transformer_does(model: Model, texts: list[str]) -> None:
    assert model.score(texts) == pytest.approx(expected(texts), abs=1e-3)


def test_options_survive_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Options(model_folder(), port=1234, batch=32, wait_ms=5.0, workers=2)
    for name, value in asked.variables().items():
        monkeypatch.setenv(name, value)
    assert options() == asked


async def test_all_that_wait_leave_together() -> None:
    sizes: list[int] = []
    gate = threading.Event()

    def score(texts: Sequence[str]) -> list[float]:
        gate.wait(10)
        sizes.append(len(texts))
        return [float(text) for text in texts]

    batcher = TakeAll(score, most=4)
    asked = [asyncio.create_task(batcher.ask(str(number))) for number in range(10)]
    await asyncio.sleep(0)
    late = [asyncio.create_task(batcher.ask(str(number))) for number in range(10, 12)]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*asked, *late) == [float(number) for number in range(12)]
    assert sizes == [4, 4, 4]


async def test_a_failure_reaches_its_batch_alone() -> None:
    def score(texts: Sequence[str]) -> list[float]:
        return [1 / float(text) for text in texts]

    batcher = TakeAll(score, most=1)
    answers = await asyncio.gather(batcher.ask("0"), batcher.ask("2"), return_exceptions=True)
    assert isinstance(answers[0], ZeroDivisionError)
    assert answers[1] == 0.5


async def test_who_hangs_up_does_not_disturb_the_others() -> None:
    gate = threading.Event()

    def score(texts: Sequence[str]) -> list[float]:
        gate.wait(10)
        return [float(text) for text in texts]

    batcher = TakeAll(score, most=4)
    first, second, third = (asyncio.create_task(batcher.ask(text)) for text in ("1", "2", "3"))
    await asyncio.sleep(0)
    second.cancel()
    gate.set()
    assert list(await asyncio.gather(first, third)) == [1.0, 3.0]
    assert await batcher.ask("4") == 4.0
