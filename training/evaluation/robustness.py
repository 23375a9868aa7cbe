"""Do disguises hide spam, and do they make honest messages look like it? The same messages, plain and disguised."""

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from training.evaluation.judged import Judged
from training.evaluation.results import Disguised
from training.examples import Example
from training.synthetic import variants

Disguise = Callable[[str, random.Random], str]

#: Ways of hiding wording from a filter.
WAYS: dict[str, Disguise] = {
    "homoglyph": variants.homoglyphs,
    "zero-width": variants.invisible,
    "full-width": variants.full_width,
    "spacing": variants.spaced,
    "leet": variants.leet,
}
_MOST = 400  #: spam, and legitimate messages, of one set that are disguised
_LINK = re.compile(r"\S*(?:://|www\.|\.[a-z]{2,}/)\S*", re.IGNORECASE)


class Probe(msgspec.Struct, frozen=True):
    """A message of a set in disguise."""

    index: int  #: place of the plain message in the set
    example: Example


def choose(examples: Sequence[Example], judged: Sequence[Judged], most: int = _MOST) -> list[int]:
    """Places of the messages to disguise: of spam and of legitimate ones up to `most`, evenly spread over the set.

    Only Latin script: the disguises know no other letters.
    """
    known = [i for i, row in enumerate(judged) if row.error is None and row.script == "Latin" and examples[i].text]
    sides = ([i for i in known if judged[i].spam], [i for i in known if judged[i].legitimate])
    return sorted(place for side in sides for place in side[:: max(1, -(-len(side) // most))])


def disguise(examples: Sequence[Example], places: Sequence[int], way: str) -> list[Probe]:
    """The chosen messages in one disguise; the same set gives the same ones. Links stay as they are, to be usable."""
    return [Probe(place, _disguised(examples[place], WAYS[way], f"{way}/{place}")) for place in places]


def compare(way: str, plain: Mapping[int, Judged], hidden: Mapping[int, Judged]) -> Disguised:
    """Figures of one disguise.

    Args:
        way: its name.
        plain: place to the answer as written.
        hidden: place to the answer in disguise; places that one of both lacks count nowhere.
    """
    pairs = [(plain[place], row) for place, row in hidden.items() if place in plain]
    spam = [pair for pair in pairs if pair[0].spam]
    phishing = [pair for pair in pairs if pair[0].phishing]
    legitimate = [pair for pair in pairs if pair[0].legitimate]
    return Disguised(
        way=way,
        spam=len(spam),
        plain_recall=_mean([before.alarmed for before, _ in spam]),
        recall=_mean([after.alarmed for _, after in spam]),
        phishing=len(phishing),
        plain_phishing_recall=_mean([before.is_phishing is True for before, _ in phishing]),
        phishing_recall=_mean([after.is_phishing is True for _, after in phishing]),
        legitimate=len(legitimate),
        plain_false_alarms=sum(before.alarmed for before, _ in legitimate),
        added_false_alarms=sum(after.alarmed and not before.alarmed for before, after in legitimate),
    )


def _disguised(example: Example, way: Disguise, seed: str) -> Example:
    rng = random.Random(seed)
    text = "".join(piece if is_link else way(piece, rng) for piece, is_link in _pieces(example.text))
    return msgspec.structs.replace(example, text=text)


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each with whether it is a link."""
    end = 0
    for link in _LINK.finditer(text):
        yield text[end : link.start()], False
        yield link.group(), True
        end = link.end()
    yield text[end:], False


def _mean(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
