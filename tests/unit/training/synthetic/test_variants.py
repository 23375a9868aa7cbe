import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise import normalise
from training.synthetic import variants

SCAM = "Your parcel is on hold, pay the fee at https://ex-ample.top/Ab1 today"


@pytest.mark.parametrize("seed", range(25))
def test_links_stay_usable(seed: int) -> None:
    assert "https://ex-ample.top/Ab1" in variants.disguise(SCAM, random.Random(seed))


@pytest.mark.parametrize("way", [variants.homoglyphs, variants.invisible, variants.full_width])
def test_normalisation_undoes_what_only_looks_different(way: variants.Disguise) -> None:
    text = "Your parcel waits for you"
    changed = [other for seed in range(20) if (other := way(text, random.Random(seed))) != text]
    assert len(changed) > 10
    assert all(normalise(other).obfuscated for other in changed)


@given(st.text(max_size=60), st.integers(0, 500))
def test_any_text_survives(text: str, seed: int) -> None:
    assert isinstance(variants.disguise(text, random.Random(seed)), str)
    assert isinstance(variants.mistype(text, random.Random(seed)), str)


def test_leet_keeps_the_length() -> None:
    assert len(variants.leet(SCAM, random.Random(1))) == len(SCAM)
