"""Several versions at once, on the shipped models."""

import numpy as np
import pytest

from model_store.store import SHIPPED, LocalStore
from pipeline.models.distilbert import Transformer, Transformers
from pipeline.models.tokenizer import WordPiece
from pipeline.scoring import Platt
from pipeline.types import TokenBatch

UP, DOWN, UNKNOWN = "distilbert/3", "distilbert/4", "distilbert/9"


@pytest.fixture(scope="module")
def tokens() -> TokenBatch:
    bundle = LocalStore(SHIPPED).open("distilbert/3")
    return WordPiece(bundle.path, bundle.manifest.max_tokens).encode(["hi"] * 4)


@pytest.fixture(scope="module")
def transformers() -> Transformers:
    """The same model twice, told apart by its calibration."""
    folder = LocalStore(SHIPPED).open("distilbert/3").path
    return Transformers({UP: Transformer(folder, Platt(a=0.0, b=1.0)), DOWN: Transformer(folder, Platt(a=0.0, b=-1.0))})


def test_each_item_goes_to_its_version_and_an_unknown_one_to_none(
    transformers: Transformers, tokens: TokenBatch
) -> None:
    logits = transformers.logits(tokens, [UP, UNKNOWN, DOWN, UP])
    assert logits.dtype == np.float32
    assert np.array_equal(logits, np.asarray([1.0, np.nan, -1.0, 1.0]), equal_nan=True)


def test_unknown_versions_alone_have_no_answer(transformers: Transformers, tokens: TokenBatch) -> None:
    assert np.isnan(transformers.logits(tokens, [UNKNOWN] * 4)).all()
