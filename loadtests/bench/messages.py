"""The messages of the bench: distinct texts of UCI, cut into slices, so that no cache has seen a slice before."""

import random
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec

from pipeline.errors import ConfigError
from training import corpora
from training.dedupe import drop_duplicates

SEED = 7
ZIPF = 1.1  #: how far the most frequent texts of a campaign outweigh the rest

_json = msgspec.json.Encoder()


class Sizes(msgspec.Struct, frozen=True):
    """Messages of each phase; warm-up, single, one at a time and campaign texts must fit into the pool together."""

    rounds: int
    warm: int
    single: int
    one: int
    campaign_texts: int
    campaign: int  #: requests
    bulk: int  #: at most the pool less the warm-up; a multiple of BULK


FULL = Sizes(rounds=3, warm=300, single=3_000, one=600, campaign_texts=1_000, campaign=6_000, bulk=4_500)
QUICK = Sizes(rounds=1, warm=100, single=600, one=100, campaign_texts=200, campaign=1_000, bulk=2_000)
BULK = 500  #: messages of one bulk request


class Slices(msgspec.Struct, frozen=True):
    """Texts by phase; `bulk` overlaps the others, so it needs a server of its own."""

    warm: list[str]
    single: list[str]
    one: list[str]
    campaign: list[str]
    bulk: list[str]


def pool() -> list[str]:
    """Every distinct text of UCI, shuffled.

    Raises:
        ConfigError: the corpus is not there; says which variable names its folder and where it is published.
    """
    texts = [example.text for example in drop_duplicates(corpora.load("uci"))]
    random.Random(SEED).shuffle(texts)
    return texts


def slices(texts: Sequence[str], sizes: Sizes) -> Slices:
    """
    Raises:
        ConfigError: there are fewer texts than the phases need.
    """
    counts = (sizes.warm, sizes.single, sizes.one, sizes.campaign_texts)
    if len(texts) < max(sum(counts), sizes.warm + sizes.bulk):
        raise ConfigError(f"the corpus has {len(texts):,} distinct texts; the bench needs {sum(counts):,}")
    ends = [0, *accumulate(counts)]
    warm, single, one, campaigns = (list(texts[start:end]) for start, end in pairwise(ends))
    bulk = list(texts[sizes.warm : sizes.warm + sizes.bulk])
    return Slices(warm, single, one, campaign(campaigns, sizes.campaign), bulk)


def campaign(texts: Sequence[str], count: int) -> list[str]:
    """Few texts sent over and over, by Zipf's law."""
    shares = list(accumulate(rank**-ZIPF for rank in range(1, len(texts) + 1)))
    return random.Random(SEED).choices(list(texts), cum_weights=shares, k=count)


def fresh(texts: Sequence[str], count: int) -> list[str]:
    """As many distinct texts as asked for: the pool, then its words in other orders, so that lengths stay real.

    Raises:
        ConfigError: the pool's words do not give that many.
    """
    dice = random.Random(SEED)
    seen = dict.fromkeys(texts)
    for _ in range(10 * (count // len(texts) + 1)):
        for text in texts:
            if len(seen) >= count:
                return list(seen)[:count]
            words = text.split()
            dice.shuffle(words)
            seen.setdefault(" ".join(words))
    raise ConfigError(f"{len(texts):,} texts give {len(seen):,} variants, {count:,} are needed")


def single_bodies(texts: Sequence[str], in_list: bool = False) -> list[str]:
    """One request a text; `in_list` for an endpoint that takes a list of one."""
    return [_json.encode({"text": [text] if in_list else text}).decode() for text in texts]


def bulk_bodies(texts: Sequence[str]) -> list[str]:
    batches = (texts[start : start + BULK] for start in range(0, len(texts), BULK))
    return [_json.encode({"messages": [{"text": text} for text in batch]}).decode() for batch in batches]
