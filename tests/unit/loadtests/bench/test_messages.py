"""Slices of the pool, campaigns, variants."""

import json
from itertools import pairwise

import msgspec
import pytest

from loadtests.bench.messages import BULK, FULL, QUICK, Sizes, bulk_bodies, campaign, fresh, single_bodies, slices
from pipeline.errors import ConfigError

TEXTS = [f"text number {number} of the pool" for number in range(5_100)]


@pytest.mark.parametrize("sizes", [FULL, QUICK])
def test_no_phase_sees_a_text_of_another(sizes: Sizes) -> None:
    cut = slices(TEXTS, sizes)
    parts = [cut.warm, cut.single, cut.one, list(set(cut.campaign))]
    assert sum(map(len, parts)) == len({text for part in parts for text in part})
    assert not set(cut.warm) & set(cut.bulk)
    assert (len(cut.single), len(cut.one), len(cut.bulk)) == (sizes.single, sizes.one, sizes.bulk)
    assert sizes.bulk % BULK == 0


def test_too_small_a_pool_is_told() -> None:
    with pytest.raises(ConfigError, match="has 4,000 distinct texts"):
        slices(TEXTS[:4_000], msgspec.structs.replace(FULL, bulk=500))


def test_a_campaign_repeats_the_first_texts_most() -> None:
    sent = campaign(TEXTS[:50], 5_000)
    counts = [sent.count(text) for text in TEXTS[:50]]
    assert sum(counts) == 5_000
    assert all(more > less for more, less in pairwise((counts[0], counts[3], counts[15], counts[45])))


def test_fresh_texts_are_distinct_and_keep_their_words() -> None:
    texts = fresh(TEXTS[:10], 500)
    assert len(set(texts)) == 500
    assert {" ".join(sorted(text.split())) for text in texts} == {" ".join(sorted(text.split())) for text in TEXTS[:10]}
    assert fresh(TEXTS[:10], 500) == texts


def test_words_that_give_too_little_are_told() -> None:
    with pytest.raises(ConfigError, match="give 2 variants"):
        fresh(["two words"], 3)


def test_bodies_are_json() -> None:
    assert [json.loads(body) for body in single_bodies(['a "quoted" é'])] == [{"text": 'a "quoted" é'}]
    bodies = [json.loads(body) for body in bulk_bodies(TEXTS[: BULK + 1])]
    assert [len(body["messages"]) for body in bodies] == [BULK, 1]
    assert bodies[1]["messages"] == [{"text": TEXTS[BULK]}]
