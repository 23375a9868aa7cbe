"""The transformer stage with the models that ship: what one version does is no other one's business."""

import asyncio
import threading

import numpy as np
import pytest

from configs.settings import Models, Settings
from deployments.stages.distil_bert import DistilBert
from deployments.stages.tokenizer import Tokenizer
from pipeline.models.distilbert import Transformer
from pipeline.types import Floats, TokenBatch

REFS = ("distilbert/4", "distilbert/3")
SETTINGS = Settings(models=Models(transformers=REFS, threads=1, token_budget=128))
TEXTS = ["Your parcel arrives today.", "You have won a prize! Call now to claim it."]


@pytest.fixture
async def tokens() -> TokenBatch:
    return await Tokenizer(SETTINGS).encode(TEXTS, list(REFS))


async def test_live_messages_and_copies_get_the_same_logits(tokens: TokenBatch) -> None:
    stage = DistilBert(SETTINGS)
    logits = await stage.score(tokens, list(REFS))
    assert logits[0] < 0 < logits[1]
    assert np.allclose(await stage.score_copies(tokens, list(REFS)), logits, atol=1e-5)


async def test_a_version_whose_thread_hangs_leaves_the_others_theirs(
    tokens: TokenBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, release, calls = DistilBert(SETTINGS), threading.Event(), []
    loop, hangs = asyncio.get_running_loop(), asyncio.Event()
    compute = Transformer.micro_batch

    def first_hangs(model: Transformer, batch: TokenBatch) -> Floats:
        calls.append(model)
        if model is calls[0]:
            loop.call_soon_threadsafe(hangs.set)
            release.wait(60)
        return compute(model, batch)

    monkeypatch.setattr(Transformer, "micro_batch", first_hangs)
    try:
        hanging = asyncio.create_task(stage.score(tokens, [REFS[1]] * 2))
        await hangs.wait()
        logits = await asyncio.wait_for(stage.score(tokens, [REFS[0]] * 2), 30)
        assert not np.isnan(logits).any()
        assert not hanging.done()
    finally:
        release.set()
    assert not np.isnan(await hanging).any()


async def test_the_thread_of_a_version_goes_with_it(tokens: TokenBatch) -> None:
    before = set(threading.enumerate())
    stage = DistilBert(SETTINGS)
    await stage.score(tokens, list(REFS))
    threads = set(threading.enumerate()) - before
    assert len(threads) == len(REFS)
    stage._keeper._models = {}  # as when it makes room
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
