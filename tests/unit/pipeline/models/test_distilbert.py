"""On the shipped models."""

from pathlib import Path

import numpy as np
import pytest

from model_store.store import SHIPPED, Bundle, LocalStore
from pipeline.errors import ModelError
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from pipeline.scoring import Platt
from pipeline.types import TokenBatch

TEXTS = ["hi", "Free entry! Txt WIN to 80086 now to claim your £900 prize, 150p/msg", "see you at lunch tomorrow? " * 3]


@pytest.fixture(scope="module", params=["3", "4"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return LocalStore(SHIPPED).open(f"distilbert/{request.param}")


@pytest.fixture(scope="module")
def tokenizer(bundle: Bundle) -> WordPiece:
    return WordPiece(bundle.path, bundle.manifest.max_tokens)


@pytest.fixture(scope="module")
def model(bundle: Bundle) -> Transformer:
    return Transformer(bundle.path, bundle.manifest.calibration["spam"])


def test_spam_scores_above_chat(model: Transformer, tokenizer: WordPiece) -> None:
    logits = model.logits(tokenizer.encode(TEXTS))
    assert logits[1] > 2.0
    assert (logits[[0, 2]] < 0.0).all()


def test_neighbours_and_padding_change_nothing_that_matters(
    bundle: Bundle, model: Transformer, tokenizer: WordPiece
) -> None:
    whole = model.logits(tokenizer.encode(TEXTS * 5))
    alone = [float(model.logits(tokenizer.encode([text]))[0]) for text in TEXTS]
    # INT8 scales its activations by what is in the batch.
    assert np.allclose(whole, alone * 5, atol=0.8)


def test_an_item_that_fails_alone_is_nan(model: Transformer, tokenizer: WordPiece) -> None:
    good = tokenizer.encode(TEXTS)
    beyond_vocabulary = np.asarray([2, 10_000_000, 3], dtype=np.int32)
    tokens = TokenBatch(
        ids=np.concatenate([beyond_vocabulary, good.ids]),
        lengths=np.concatenate([[3, 0], good.lengths]).astype(np.int32),
    )
    logits = model.logits(tokens)
    assert np.isnan(logits).tolist() == [True, True, False, False, False]


def test_calibration_moves_the_logit(bundle: Bundle, tokenizer: WordPiece) -> None:
    tokens = tokenizer.encode(TEXTS[:1])
    raw = Transformer(bundle.path, Platt()).logits(tokens)
    moved = Transformer(bundle.path, Platt(a=2.0, b=1.0)).logits(tokens)
    assert np.allclose(moved, 2 * raw + 1, atol=1e-5)


def test_no_items_give_no_logits(model: Transformer, tokenizer: WordPiece) -> None:
    assert model.logits(tokenizer.encode([])).shape == (0,)


def test_long_texts_are_cut(bundle: Bundle, tokenizer: WordPiece) -> None:
    batch = tokenizer.encode(["1 " * 2000, "short"])
    assert batch.lengths[0] == bundle.manifest.max_tokens
    assert int(batch.lengths.sum()) == len(batch.ids)


def test_digits_are_tokens_of_their_own(tokenizer: WordPiece) -> None:
    assert tokenizer.encode(["482913"]).lengths.tolist() == [8]


def test_a_text_that_cannot_be_tokenized_has_no_tokens(tokenizer: WordPiece) -> None:
    batch = tokenizer.encode(["fine", "\ud800", "fine"])
    assert batch.lengths[1] == 0
    assert batch.lengths[0] == batch.lengths[2] > 0


def test_missing_artefacts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be opened"):
        Transformer(tmp_path, Platt())
    with pytest.raises(ModelError, match="cannot be read"):
        WordPiece(tmp_path, 96)
