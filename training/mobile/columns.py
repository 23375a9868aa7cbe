"""Every column of the phone's feature vector, described as data."""

from itertools import count

from model_store.manifest import Manifest
from pipeline import extras, tfidf
from pipeline.heuristics import SENDER_HEURISTICS, TEXT_HEURISTICS
from pipeline.tfidf import FeatureMap
from training.mobile.files import FORMAT, MODELS, Measure, MobileMap
from training.mobile.patterns import of_python, of_re2

#: The columns of `pipeline.extras` that are no mere pattern, in its order; its tests hold the two together.
_SHAPE = (
    Measure("length", measure="length", per=160, cap=4),
    Measure("words", " ", "count", per=32, cap=4),
    Measure("digit_share", "[0-9]", "byte_share"),
    Measure("upper_share", "[A-Z]", "share", whole="[A-Za-z]"),
    Measure("non_ascii_share", r"[^\u0000-\u007f]", "byte_share"),
    Measure("digit_runs", r"\p{Nd}+", "count", per=8, cap=2),
    Measure("code_shapes", of_python(extras.CODE.pattern), "count", cap=3),
    Measure("long_numbers", r"\p{Nd}{9,}", "count", cap=3),
    Measure("slashes", "/", "count", per=4, cap=2),
    Measure("dots", r"\.", "count", per=8, cap=2),
    Measure("exclamations", "!", "count", cap=4),
    Measure("questions", r"\?", "count", cap=4),
    Measure("sender_missing", "^$", on="sender"),
    Measure("sender_short_code", r"^\+?\p{Nd}{1,8}$", on="sender"),
    Measure("sender_name", r"^(?!\+?\p{Nd}+$).", on="sender"),
    Measure("sender_phone", r"^\+?\p{Nd}{9,}$", on="sender"),
)


def describe(features: FeatureMap, manifest: Manifest) -> MobileMap:
    """`feature_map.json` of the phone: the trees' columns in their order, the letter n-grams behind them."""
    return MobileMap(
        format=FORMAT,
        version=manifest.ref,
        normaliser=manifest.normaliser,
        width=features.width + len(features.grams),
        heuristic_count=len(features.heuristics),
        token=of_python(tfidf.TOKEN.pattern),
        vocabulary=dict(zip(features.words, count())),
        idf=features.word_idf,
        heuristics=heuristics(),
        extras=[*_SHAPE, *_patterns()],
        gram_sizes=list(tfidf.GRAM_SIZES),
        gram_token_length=tfidf.LONGEST_TOKEN,
        grams=dict(zip(features.grams, count(features.width))),
        gram_idf=features.gram_idf,
        labels={task: manifest.labels[task] for task in (*MODELS, "spam")},
        thresholds=manifest.thresholds,
    )


def heuristics() -> list[Measure]:
    """The 23 of the reference document, in its order."""
    on_text = [Measure(h.name, of_re2(h.pattern), ignore_case=True) for h in TEXT_HEURISTICS]
    on_sender = [Measure(h.name, of_re2(h.pattern), on="sender", ignore_case=True) for h in SENDER_HEURISTICS]
    return [*on_text, *on_sender]


def _patterns() -> list[Measure]:
    names = extras.EXTRAS[len(_SHAPE) :]
    return [
        Measure(name, of_re2(pattern), ignore_case=True) for name, pattern in zip(names, extras.PATTERNS, strict=True)
    ]
