"""What a phone does, from the files of an export alone: features by `feature_map.json`, scores by the ONNX models.

Written anew rather than with Winnow's own functions, and with nothing but NumPy and ONNX Runtime: what it computes,
an app can compute from the same files.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from pipeline.errors import ConfigError
from pipeline.types import Floats
from training.mobile.files import (
    FEATURE_MAP,
    FORMAT,
    INPUT,
    MODELS,
    PARITY,
    PROBABILITIES,
    SPAM,
    Case,
    Measure,
    MobileMap,
    Parity,
    read,
)

#: Python's `re`, ignoring case, takes these Turkish letters for an i; no other engine does.
_NOT_I = {0x130: "\ufffd", 0x131: "\ufffd"}


class Verification(msgspec.Struct, frozen=True):
    """Largest differences between Winnow and the phone over all texts."""

    version: str
    texts: int
    differences: dict[str, float]  #: "features", and each task's probabilities
    tolerance: float

    @property
    def passed(self) -> bool:
        return all(found <= self.tolerance for found in self.differences.values())


class Phone:
    """The models of an export folder."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            ConfigError: a file is missing or not of this form.
        """
        self._map = read_map(folder)
        self._measures = [_Measuring(each) for each in (*self._map.heuristics, *self._map.extras)]
        self._token = _compile(self._map.token)
        self._models = {task: _open(folder / file, self._map.width) for task, file in MODELS.items()}

    def features(self, text: str, sender: str) -> Floats:
        """float32[width] of a canonical text and sender."""
        found = self._map
        words = self._token.findall("".join(map(_mask, text.lower())))
        pairs = [f"{one} {other}" for one, other in pairwise(words)]
        grams = [gram for word in words for gram in self._grams(word)]
        vector = np.zeros(found.width)
        _weigh(vector, [*words, *pairs], found.vocabulary, found.idf)
        first = len(found.vocabulary)
        vector[first : first + len(self._measures)] = [each(text, sender) for each in self._measures]
        _weigh(vector, grams, found.grams, found.gram_idf)
        return vector.astype(np.float32)

    def score(self, vector: Floats) -> dict[str, Floats]:
        """Task to its probabilities, float32[labels]; "spam" comes with "phishing"."""
        rows = {INPUT: vector[None]}
        scores = {task: model.run([PROBABILITIES], rows)[0][0] for task, model in self._models.items()}
        scores["spam"] = self._models["phishing"].run([SPAM], rows)[0][0]
        return scores

    def _grams(self, word: str) -> Iterable[str]:
        padded = f" {word[: self._map.gram_token_length]} "
        return (padded[i : i + n] for n in self._map.gram_sizes for i in range(len(padded) - n + 1))


def verify(folder: Path) -> Verification:
    """Compute every text of `parity.json` as a phone does and compare.

    Raises:
        ConfigError: a file is missing or not of this form.
    """
    parity = read(folder / PARITY, Parity)
    if not parity.cases:
        raise ConfigError(f"{folder / PARITY} holds no texts")
    phone = Phone(folder)
    differences: dict[str, float] = {"features": 0.0, **dict.fromkeys((*MODELS, "spam"), 0.0)}
    for case in parity.cases:
        for name, found in _compare(phone, case).items():
            differences[name] = float(np.maximum(differences[name], found))  # unlike max, keeps NaN
    return Verification(parity.version, len(parity.cases), differences, parity.tolerance)


def read_map(folder: Path) -> MobileMap:
    """
    Raises:
        ConfigError: the file is missing or of another form.
    """
    found = read(folder / FEATURE_MAP, MobileMap)
    if found.format != FORMAT:
        raise ConfigError(f"{folder / FEATURE_MAP} is of the form {found.format!r}, not {FORMAT!r}")
    return found


def _compare(phone: Phone, case: Case) -> dict[str, float]:
    """Largest difference of the features and of each task's probabilities."""
    vector = phone.features(case.text, case.sender)
    scores = phone.score(vector)
    vector[case.columns] -= np.asarray(case.values, dtype=np.float32)
    found = {task: abs(float(scores[task][1]) - getattr(case, task)) for task in ("otp", "phishing", "spam")}
    if case.intent is not None:
        found["intent"] = float(np.abs(scores["intent"] - np.asarray(case.intent)).max())
    return {"features": float(np.abs(vector).max()), **found}


class _Measuring:
    """Computes the value of one column."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._pattern = _compile(measure.pattern, measure.ignore_case)
        self._whole = _compile(measure.whole)
        self._raw: Callable[[str], float] = getattr(self, f"_{measure.measure}")

    def __call__(self, text: str, sender: str) -> float:
        value = self._raw(text if self._measure.on == "text" else sender) / self._measure.per
        return value if self._measure.cap is None else min(value, self._measure.cap)

    def _present(self, text: str) -> float:
        return float(self._pattern.search(text.translate(_NOT_I)) is not None)

    def _count(self, text: str) -> float:
        return float(len(self._pattern.findall(text)))

    def _length(self, text: str) -> float:
        return float(len(text))

    def _share(self, text: str) -> float:
        return len(self._pattern.findall(text)) / max(1, len(self._whole.findall(text)))

    def _byte_share(self, text: str) -> float:
        matching = "".join(self._pattern.findall(text))
        return len(matching.encode()) / max(1, len(text.encode()))


def _compile(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """A portable pattern for Python, which calls Unicode's letters and numbers `\\w` and has no `\\p`."""
    spelt = pattern.replace(r"\p{L}\p{N}_", r"\w").replace(r"\p{Nd}", r"\d")
    return re.compile(spelt, re.IGNORECASE if ignore_case else 0)


def _mask(character: str) -> str:
    return "0" if character.isdecimal() and character <= "\uffff" else character


def _weigh(vector: NDArray[np.float64], found: Iterable[str], columns: Mapping[str, int], idf: list[float]) -> None:
    """Write one block of TF-IDF into the vector: (1 + ln count) * idf, of unit length."""
    counts = Counter(columns[term] for term in found if term in columns)
    first = next(iter(columns.values()), 0)
    values = {column: (1 + math.log(n)) * float(np.float32(idf[column - first])) for column, n in counts.items()}
    norm = math.sqrt(math.fsum(value * value for value in values.values()))
    for column, value in values.items():
        vector[column] = value / norm


def _open(path: Path, width: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        model = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises a dozen unrelated classes
        raise ConfigError(f"{path} cannot be opened: {type(error).__name__}") from None
    columns = model.get_inputs()[0].shape[-1]
    if columns != width:
        raise ConfigError(f"{path} reads {columns} columns, {FEATURE_MAP} has {width}")
    return model
