"""What the models are trained, calibrated and tested on: canonical texts with labels, twins never on two sides."""

import hashlib
from collections.abc import Callable, Sequence
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_store.manifest import DataSource
from pipeline.models.lightgbm import TASKS
from pipeline.normalise import normalise
from pipeline.types import INTENTS
from training.calibrate import traffic_weights
from training.corpora import find, load, training_examples
from training.dedupe import exact_key, grouped, uci_split, without_twins
from training.examples import Example
from training.feedback import feedback_examples
from training.fingerprint import fingerprint
from training.sets import database_url
from training.synthetic.generator import generate

UNKNOWN = -1
#: Kinds of messages that advertise, or that may.
ADVERTISING = ("asked_for", "notice_or_advert", "promotion", "promotion_finance", "promotion_operator")

#: What a held-out wording of the grammar counts, in the choice of thresholds, beside a real message: a half, since half
#: of what people receive is worded as something known; a tenth where it was written to look bad, as few messages do.
TRAFFIC: dict[str, float] = {"synthetic/hard/": 0.1, "synthetic/": 0.5}


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    #: Labelled sets that are trained on, see `training.sets`: add "enron" where WINNOW_ENRON names a copy, and
    #: "feedback" where DATABASE_URL names the database of a server.
    corpora: tuple[str, ...] = ("uci", "mishra_soni", "india_junioralive", "thai")
    nus: int = 12000  #: chat messages for training, of the 55,835
    nus_validation: int = 6000
    synthetic: int = 60000
    synthetic_validation: int = 12000
    validation_share: float = 0.2  #: of the near-duplicate groups of the real corpora
    weights: dict[str, float] = {}  #: source to the weight of its rows, else 1
    blank_senders: float = 0.5  #: share of the generated messages that lose their sender
    seed: int = 2012


class Rows(msgspec.Struct, frozen=True):
    """N messages in columns. Labels are 0, 1 or UNKNOWN; intents index INTENTS or are UNKNOWN."""

    texts: list[str]  #: canonical
    senders: list[str]
    spam: NDArray[np.int8]
    phishing: NDArray[np.int8]
    otp: NDArray[np.int8]
    intent: NDArray[np.int8]
    sources: NDArray[np.str_]
    kinds: NDArray[np.str_]
    groups: list[str]  #: template, or the text itself where it has none

    def __len__(self) -> int:
        return len(self.texts)

    def label(self, task: str) -> NDArray[np.int8]:
        """Labels of a task: "spam", "phishing", "otp" or "intent"."""
        return cast(NDArray[np.int8], getattr(self, task))

    @property
    def legitimate(self) -> NDArray[np.bool_]:
        """Rows that thresholds must protect: what people write each other and what services owe their customers.

        Advertising stays out even where somebody asked for it: how much of it passes is a policy of its own.
        """
        advertising = np.isin(self.kinds, ADVERTISING)
        return np.asarray((self.spam == 0) & (self.phishing == 0) & ~advertising)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.intp]) -> "Rows":
        """The chosen rows, by mask or by index."""
        places = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen
        return Rows(
            texts=[self.texts[i] for i in places],
            senders=[self.senders[i] for i in places],
            spam=self.spam[places],
            phishing=self.phishing[places],
            otp=self.otp[places],
            intent=self.intent[places],
            sources=self.sources[places],
            kinds=self.kinds[places],
            groups=[self.groups[i] for i in places],
        )


def evenly(rows: Rows, count: int = 1000) -> Rows:
    """Up to `count` of the rows, evenly spaced."""
    return rows.take(np.arange(0, len(rows), max(1, len(rows) // count))[:count])


def weigh(rows: Rows, settings: DataSettings) -> NDArray[np.float32]:
    """float32[N] weight of each row in training: the few real labelled messages must not drown."""
    return np.asarray([settings.weights.get(str(source), 1.0) for source in rows.sources], dtype=np.float32)


def as_traffic(rows: Rows) -> NDArray[np.float64]:
    """float64[N] weights of validation rows in the choice of thresholds, see TRAFFIC; a template counts once."""
    return np.asarray(traffic_weights(rows.groups, TRAFFIC))


class Dataset(msgspec.Struct, frozen=True):
    train: Rows
    weights: NDArray[np.float32]  #: of the training rows
    validation: Rows
    validation_weights: NDArray[np.float32]  #: of the validation rows, in what is fitted on them
    test: Rows  #: the grouped test part of UCI, unless others were named
    sources: list[DataSource]


def to_rows(examples: Sequence[Example]) -> Rows:
    """Canonical columns of examples; those whose text vanishes when normalised are left out."""
    pairs = [(example, normalise(example.text).text) for example in examples]
    kept = [(example, text) for example, text in pairs if text]

    def column(value: Callable[[Example], int]) -> NDArray[np.int8]:
        return np.fromiter((value(example) for example, _ in kept), dtype=np.int8, count=len(kept))

    return Rows(
        texts=[text for _, text in kept],
        senders=[example.sender for example, _ in kept],
        spam=column(lambda e: _flag(e.spam)),
        phishing=column(lambda e: _flag(e.phishing)),
        otp=column(lambda e: _flag(e.otp)),
        intent=column(lambda e: INTENTS.index(e.intent) if e.intent in INTENTS else UNKNOWN),
        sources=np.asarray([example.source for example, _ in kept], dtype=np.str_),
        kinds=np.asarray([example.kind for example, _ in kept], dtype=np.str_),
        groups=[example.group or text for example, text in kept],
    )


def build(
    settings: DataSettings,
    test: Sequence[Example] | None = None,
    *,
    without: Sequence[str] = (),
    extra: Sequence[Example] = (),
) -> Dataset:
    """Training, validation and test rows; nothing in the first two resembles anything in the last.

    Args:
        settings: how much of what.
        test: labelled messages to keep aside; the fixed test part of UCI unless given.
        without: corpora to leave out altogether.
        extra: labelled messages beside the corpora of the settings.
    """
    held_out = uci_split(load("uci")).test if test is None else list(test)
    labelled = [example for name in settings.corpora if name not in without for example in _teaching(name)]
    chat = _sample(training_examples(["nus"]), 2 * (settings.nus + settings.nus_validation), settings.seed)
    real = grouped(without_twins(merge_duplicates([*labelled, *chat, *extra]), held_out))
    train, validation = _divide(real, settings)
    made = _blank_senders(generate(settings.synthetic, settings.seed, "train"), settings)
    held = _blank_senders(generate(settings.synthetic_validation, settings.seed + 1, "heldout"), settings)
    rows, judged = to_rows([*train, *made]), to_rows([*validation, *held])
    return Dataset(
        train=rows,
        weights=weigh(rows, settings),
        validation=judged,
        validation_weights=weigh(judged, settings),
        test=to_rows(held_out),
        sources=_sources(train, validation, held_out, made, held),
    )


def _teaching(name: str) -> list[Example]:
    return feedback_examples(database_url()) if name == "feedback" else training_examples([name])


def merge_duplicates(examples: Sequence[Example]) -> list[Example]:
    """The first of each exact duplicate; what it does not know is taken from later ones that do not contradict it."""
    merged: dict[str, Example] = {}
    for example in examples:
        key = exact_key(example.text)
        first = merged.setdefault(key, example)
        answers = [(task, getattr(first, task), getattr(example, task)) for task in TASKS]
        if all(mine is None or theirs is None or mine == theirs for _, mine, theirs in answers):
            learned = {task: theirs for task, mine, theirs in answers if mine is None}
            merged[key] = msgspec.structs.replace(first, **learned)
    return list(merged.values())


def _divide(real: Sequence[Example], settings: DataSettings) -> tuple[list[Example], list[Example]]:
    """Training and validation part of the real corpora, by near-duplicate group, chat limited in both."""
    parts: tuple[list[Example], list[Example]] = ([], [])
    limits, chat = (settings.nus, settings.nus_validation), [0, 0]
    chat_share = settings.nus_validation / (settings.nus + settings.nus_validation)
    mixed = {example.group for example in real if example.source != "nus"}
    for example in real:
        share = settings.validation_share if example.group in mixed else chat_share
        held = _unit(settings.seed, example.group) < share
        chat[held] += example.source == "nus"
        if example.source != "nus" or chat[held] <= limits[held]:
            parts[held].append(example)
    return parts


def _blank_senders(examples: Sequence[Example], settings: DataSettings) -> list[Example]:
    """Real corpora have no senders: unless many generated rows lose theirs, a missing one would mean "real"."""
    return [
        msgspec.structs.replace(e, sender="") if _unit(settings.seed, e.text) < settings.blank_senders else e
        for e in examples
    ]


def _sample(examples: Sequence[Example], size: int, seed: int) -> list[Example]:
    return sorted(examples, key=lambda e: _unit(seed, e.text))[:size]


def _unit(seed: int, text: str) -> float:
    """A number 0-1 that depends on seed and text alone."""
    digest = hashlib.blake2b(f"{seed}:{text}".encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _flag(value: bool | None) -> int:
    return UNKNOWN if value is None else int(value)


def _licence(source: str) -> str:
    return "of the customers who sent it" if source == "feedback" else find(source).licence


def _sources(
    train: Sequence[Example],
    validation: Sequence[Example],
    test: Sequence[Example],
    made: Sequence[Example],
    held: Sequence[Example],
) -> list[DataSource]:
    found = [
        _source(name, [example for example in part if example.source == name], _licence(name), use)
        for use, part in (("train", train), ("validate", validation), ("test", test))
        for name in sorted({example.source for example in part})
    ]
    ours = "generated by this project"
    return [
        *found,
        _source("synthetic", made, ours, "train"),
        _source("synthetic, held-out grammar", held, ours, "validate"),
    ]


def _source(name: str, rows: Sequence[Example], licence: str, use: str) -> DataSource:
    return DataSource(name=name, rows=len(rows), licence=licence, use=use, sha256=fingerprint(rows))
