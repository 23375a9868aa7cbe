import math

from hypothesis import given
from hypothesis import strategies as st

from pipeline.heuristics import HEURISTICS
from training.vocabulary import learn_features, public_texts

TEXTS = ["your code is 123", "your code is 456", "hello there", "hello you there"]


def test_terms_of_enough_texts_are_kept_in_order_of_spelling() -> None:
    found = learn_features(TEXTS, words=10, bigrams=10, grams=100, min_texts=2)
    assert found.words == ["000", "code", "code is", "hello", "is", "is 000", "there", "your", "your code"]
    assert found.heuristics == list(HEURISTICS)
    assert " yo" in found.grams


def test_idf_is_smoothed() -> None:
    found = learn_features(TEXTS, words=10, bigrams=0, grams=0, min_texts=2)
    assert found.word_idf[found.words.index("your")] == round(math.log(5 / 3) + 1, 4)


@given(st.lists(st.text(alphabet="ab ", max_size=12), max_size=12), st.integers(0, 3))
def test_limits_hold_and_columns_match_their_weights(texts: list[str], limit: int) -> None:
    found = learn_features(texts, words=limit, bigrams=limit, grams=limit, min_texts=1)
    assert len(found.words) <= 2 * limit
    assert len(found.grams) <= limit
    assert (len(found.word_idf), len(found.gram_idf)) == (len(found.words), len(found.grams))
    assert found.words == sorted(set(found.words))


def test_texts_of_customers_teach_no_words() -> None:
    sources = ["uci", "feedback", "synthetic", "feedback"]
    assert public_texts(TEXTS, sources) == ["your code is 123", "hello there"]
