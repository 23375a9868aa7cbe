import math
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ModelError
from pipeline.extras import EXTRAS
from pipeline.heuristics import HEURISTICS
from pipeline.tfidf import FeatureMap, Vectoriser, dense, dot, letter_grams, load_feature_map, terms, tokens

WORDS = ["000000", "code", "is", "is 000000", "your", "your code"]
FEATURES = FeatureMap(
    words=WORDS,
    word_idf=[2.0, 1.5, 1.0, 3.0, 1.2, 2.5],
    grams=[" yo", "you", "our"],
    gram_idf=[1.0, 2.0, 3.0],
    heuristics=list(HEURISTICS),
    extras=list(EXTRAS),
)
texts = st.lists(st.lists(st.sampled_from(["your", "code", "is", "482913", "unknown", "!"])).map(" ".join), max_size=6)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Your OTP is 482913!", ["your", "otp", "is", "000000", "!"]),
        ("pay $1.99 at http://bit.ly/aB3", ["pay", "$", "0", "00", "at", "http", "bit", "ly", "ab0"]),
        ("आपका कोड १२३४ है", ["आपका", "कोड", "0000", "है"]),
        ("รหัส 12", ["ร", "ห", "ั", "ส", "00"]),
        ("", []),
    ],
)
def test_tokens_mask_digits_and_keep_the_letters_of_every_script(text: str, found: list[str]) -> None:
    assert tokens(text) == found


def test_terms_are_words_and_neighbours() -> None:
    assert terms(["a", "b", "c"]) == ["a", "b", "c", "a b", "b c"]
    assert terms(["a"]) == ["a"]


def test_letter_grams_know_where_a_word_begins_and_ends() -> None:
    assert letter_grams("otp") == (" ot", "otp", "tp ", " otp", "otp ")


def test_weights_are_log_counts_times_idf_of_unit_length() -> None:
    sparse = Vectoriser(FEATURES).words([tokens("your your code")])
    raw = {"your": (1 + math.log(2)) * 1.2, "code": 1.5, "your code": 2.5}
    norm = math.sqrt(sum(value**2 for value in raw.values()))
    found = {WORDS[i]: float(v) for i, v in zip(sparse.indices, sparse.values, strict=True)}
    assert found == pytest.approx({term: value / norm for term, value in raw.items()}, rel=1e-6)


@given(texts)
def test_rows_have_unit_length_or_are_empty(batch: list[str]) -> None:
    vectoriser = Vectoriser(FEATURES)
    rows = [tokens(text) for text in batch]
    for sparse in (vectoriser.words(rows), vectoriser.grams(rows)):
        assert len(sparse.indptr) == len(batch) + 1
        for start, end in pairwise(sparse.indptr):
            norm = float(np.linalg.norm(sparse.values[start:end]))
            assert norm == pytest.approx(1.0, abs=1e-5) if end > start else norm == 0.0


@given(texts)
def test_a_batch_equals_its_texts(batch: list[str]) -> None:
    vectoriser = Vectoriser(FEATURES)
    rows = [tokens(text) for text in batch]
    whole = dense(vectoriser.words(rows), len(WORDS))
    for line, row in zip(whole, rows, strict=True):
        assert np.allclose(line, dense(vectoriser.words([row]), len(WORDS))[0])


@given(texts)
def test_sparse_and_dense_products_agree(batch: list[str]) -> None:
    sparse = Vectoriser(FEATURES).words([tokens(text) for text in batch])
    weights = np.arange(1, len(WORDS) + 1, dtype=np.float32)
    assert np.allclose(dot(sparse, weights), dense(sparse, len(WORDS)) @ weights, atol=1e-5)


@given(texts, st.data())
def test_taking_rows_is_taking_dense_rows(batch: list[str], data: st.DataObject) -> None:
    sparse = Vectoriser(FEATURES).words([tokens(text) for text in batch])
    rows = np.asarray(data.draw(st.lists(st.integers(0, len(batch) - 1)) if batch else st.just([])), dtype=np.intp)
    assert np.array_equal(dense(sparse.take(rows), len(WORDS)), dense(sparse, len(WORDS))[rows])


def test_dense_blocks_stand_to_the_right() -> None:
    sparse = Vectoriser(FEATURES).words([["your"], ["nothing"]])
    block = np.array([[7.0], [8.0]], dtype=np.float32)
    matrix = dense(sparse, len(WORDS), block)
    assert matrix.shape == (2, len(WORDS) + 1)
    assert matrix[:, -1].tolist() == [7.0, 8.0]
    assert matrix[1, :-1].tolist() == [0.0] * len(WORDS)


def test_known_counts_words_and_not_numbers() -> None:
    rows = [tokens(text) for text in ("your code 482913", "your banana", "482913", "")]
    assert Vectoriser(FEATURES).known(rows).tolist() == [1.0, 0.5, 0.0, 0.0]


def test_a_feature_map_of_other_heuristics_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feature_map.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(FEATURES, heuristics=["made_up"])))
    with pytest.raises(ModelError, match="other heuristics"):
        load_feature_map(path)
    path.write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        load_feature_map(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_feature_map(tmp_path / "missing.json")
