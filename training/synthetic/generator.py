"""Messages from the grammar: which kind, which country, which pattern, and the labels that go with it."""

import random
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from pipeline.errors import ConfigError
from training.examples import Example
from training.synthetic.labels import LABELS
from training.synthetic.lexicon import Country, countries
from training.synthetic.names import check_names
from training.synthetic.notation import Grammar, Rule, expand, read
from training.synthetic.recipe import SHARES, TAIL_FAMILIES, TAILS, VARIANTS
from training.synthetic.scene import Scene
from training.synthetic.senders import SENDERS
from training.synthetic.slots import SLOTS
from training.synthetic.split import Part, pick
from training.synthetic.variants import disguise, mistype

LONGEST = 480  #: characters of two messages in one
_FOLDER = Path(__file__).with_name("grammar")


def generate(n: int, seed: int, split: Part = "train", *, varied: bool = True) -> list[Example]:
    """`n` labelled messages; the same arguments give the same messages on every machine.

    Args:
        n: how many.
        seed: any number; message i depends on (seed, split, i) alone.
        split: "train", or "heldout" for wordings and brands that "train" never uses.
        varied: also disguise and mistype a share of them (see `variants`).
    """
    return [_message(random.Random(f"{split}/{seed}/{i}"), split, varied) for i in range(n)]


def families() -> list[str]:
    """The families of messages that a recipe can ask for: the folders of the grammar."""
    return sorted({rule.family for rule in grammar().rules})


@cache
def grammar() -> Grammar:
    """All grammar files as one.

    Raises:
        ConfigError: see `load`.
    """
    return load(_FOLDER)


def load(folder: Path) -> Grammar:
    """The grammar files below a folder, as one grammar.

    Raises:
        ConfigError: a file is malformed, or a rule names a label, sender, slot or fragment that does not exist.
    """
    parts = {path.relative_to(folder).as_posix(): read(path) for path in sorted(folder.rglob("*.txt"))}
    for file, part in parts.items():
        for rule in part.rules:
            if rule.label not in LABELS or rule.sender not in SENDERS:
                raise ConfigError(f"{file}: rule {rule.kind} has an unknown label or sender")
    check_names(parts, SLOTS)
    return Grammar(
        rules=tuple(rule for part in parts.values() for rule in part.rules),
        fragments={name: patterns for part in parts.values() for name, patterns in part.fragments.items()},
    )


def _message(rng: random.Random, part: Part, varied: bool) -> Example:
    family = rng.choices(list(SHARES), list(SHARES.values()))[0]
    rule, country = _rule(family, rng)
    scene = Scene(country, part, rng, SLOTS, rule.alias)
    text, trail = _write(rule, scene)
    sender = SENDERS[rule.sender](scene)
    labels = LABELS[rule.label]
    if labels.spam is False and rng.random() < TAILS.get(family, 0.0):
        text = _with_tail(text, rule, scene)
    if varied:
        text = _vary(text, rule, rng)
    return Example(
        text=text,
        sender=sender,
        spam=labels.spam,
        phishing=labels.phishing,
        otp=labels.otp,
        intent=None if rule.intent == "none" else rule.intent,
        source="synthetic",
        country=country.code,
        kind=rule.kind,
        group=f"synthetic/{rule.family}/{rule.kind}/{zlib.crc32(' '.join(trail).encode()):08x}",
    )


def _write(rule: Rule, scene: Scene) -> tuple[str, list[str]]:
    """A text of the rule, and the patterns that make its wording."""
    pattern = pick(rule.patterns, scene.part, scene.rng)
    trail = [pattern]
    return expand(pattern, lambda name: _lookup(name, scene, trail), scene.rng), trail


def _with_tail(text: str, rule: Rule, scene: Scene) -> str:
    """The text with a second message behind it, in its language, where the two are no longer than LONGEST."""
    rules = _candidates(scene.rng.choice(TAIL_FAMILIES), scene.country.code, rule.lang)
    if not rules:
        return text
    other = scene.rng.choices(rules, [one.weight for one in rules])[0]
    tail, _ = _write(other, Scene(scene.country, scene.part, scene.rng, SLOTS, other.alias))
    both = text + scene.rng.choice((" ", " ", "\n", ". ")) + tail
    return both if len(both) <= LONGEST else text


def _vary(text: str, rule: Rule, rng: random.Random) -> str:
    shares = VARIANTS.get("spam" if LABELS[rule.label].spam else rule.kind)
    if shares is None:
        return text
    draw = rng.random()
    if draw < shares.disguised:
        return disguise(text, rng).strip()
    return mistype(text, rng).strip() if draw < shares.disguised + shares.mistyped else text


def _lookup(name: str, scene: Scene, trail: list[str]) -> str:
    """Text of a fragment or slot. Fragments called "…core" make the wording, so they are noted in the trail."""
    options = grammar().fragments.get(name)
    if options is None:
        target = scene.resolve(name)
        options = grammar().fragments.get(target)
        if options is None:
            return scene.value(name)
    chosen = scene.pick(options)
    if name.endswith("core"):
        trail.append(chosen)
    return expand(chosen, lambda inner: _lookup(inner, scene, trail), scene.rng)


def _rule(family: str, rng: random.Random) -> tuple[Rule, Country]:
    """A country by weight, its language or English, then a rule of the family that speaks it there."""
    places = list(countries().values())
    while True:
        country = rng.choices(places, [place.weight for place in places])[0]
        lang = country.lang if rng.random() < country.local else "en"
        rules = _candidates(family, country.code, lang) or _candidates(family, country.code, "en")
        if rules:
            return rng.choices(rules, [rule.weight for rule in rules])[0], country


@cache
def _candidates(family: str, country: str, lang: str) -> Sequence[Rule]:
    return tuple(_matching(family, country, lang))


def _matching(family: str, country: str, lang: str) -> Iterator[Rule]:
    for rule in grammar().rules:
        if rule.family == family and rule.lang == lang and rule.reaches(country):
            yield rule
