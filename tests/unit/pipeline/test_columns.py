"""Scores of several bundles as one batch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.columns import assemble, bundles_of
from pipeline.types import INTENTS, TreeScores, Versions

BUNDLES = ("lightgbm/1", "lightgbm/2", "lightgbm/3")
FIELDS = {"spam": "gate", "known": "gate", "phishing": "phishing", "otp": "otp", "intent": "intent"}
bundle = st.sampled_from(BUNDLES)
batches = st.lists(st.builds(Versions, st.just("distilbert/1"), bundle, bundle, bundle, bundle), min_size=1, max_size=8)


def scores_of(name: str, rows: list[int]) -> TreeScores:
    """Numbers that tell bundle and row."""
    base = 100.0 * (1 + BUNDLES.index(name))
    one = np.asarray([base + row for row in rows], dtype=np.float32)
    intent = np.repeat(one[:, None], len(INTENTS), axis=1)
    return TreeScores(spam=one, phishing=one + 0.1, otp=one + 0.2, known=one + 0.3, intent=intent)


@given(batches, st.sets(bundle))
def test_every_score_comes_from_its_bundle_or_is_missing(versions: list[Versions], silent: set[str]):
    bundles = bundles_of(versions)
    parts = {name: None if name in silent else scores_of(name, list(rows)) for name, rows in bundles.items()}
    found = assemble(versions, bundles, parts)
    for row, each in enumerate(versions):
        for column, field in FIELDS.items():
            name = getattr(each, field)
            value = getattr(found, column)[row]
            if name in silent:
                assert np.isnan(value).all()
            else:
                assert np.array_equal(value, getattr(scores_of(name, [row]), column)[0])


def test_one_bundle_for_all_is_one_call_for_all():
    versions = Versions("distilbert/1", *(BUNDLES[0],) * 4)
    assert {name: list(rows) for name, rows in bundles_of([versions] * 3).items()} == {BUNDLES[0]: [0, 1, 2]}
