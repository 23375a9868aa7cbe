"""The files of a phone export: their names, and the form of the two that are JSON."""

from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from pipeline.errors import ConfigError

FEATURE_MAP = "feature_map.json"
PARITY = "parity.json"
#: Task to its model.
MODELS: dict[str, str] = {"otp": "model_isotp.onnx", "phishing": "model_phishing.onnx", "intent": "model_intent.onnx"}
CARD = "CARD.md"

INPUT = "features"  #: float32[n, width]
LABEL = "label"  #: int64[n], index of the most probable label
PROBABILITIES = "probabilities"  #: float32[n, labels]
SPAM = "spam_probabilities"  #: float32[n, 2], a second answer of the phishing model

FORMAT = "winnow-mobile/1"

_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Measure(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One column that a regular expression measures.

    present     1 if the pattern occurs, else 0
    count       how often it occurs, matches not overlapping
    length      characters
    share       characters that match the pattern / characters that match `whole`, 0 where there are none
    byte_share  bytes of UTF-8 of the characters that match the pattern / bytes of the text

    The value is then divided by `per` and cut at `cap`.
    """

    name: str
    pattern: str = ""
    measure: Literal["present", "count", "length", "share", "byte_share"] = "present"
    on: Literal["text", "sender"] = "text"
    ignore_case: bool = False
    whole: str = ""
    per: float = 1.0
    cap: float | None = None


class MobileMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`feature_map.json`. Columns: words, heuristics (up to here the reference document's), extras, letter n-grams."""

    format: str
    version: str  #: of the models, "lightgbm/2"
    normaliser: str  #: which canonical text the features are of
    width: int  #: columns of the vector
    heuristic_count: int
    token: str  #: pattern of a token of the text in lower case, its digits as zeros
    vocabulary: dict[str, int]  #: word, or two with a blank between, to its column
    idf: list[float]  #: of these columns
    heuristics: list[Measure]
    extras: list[Measure]
    gram_sizes: list[int]  #: characters of a letter n-gram
    gram_token_length: int  #: characters of a token that n-grams are taken of, at most
    grams: dict[str, int]  #: letter n-gram to its column
    gram_idf: list[float]
    labels: dict[str, list[str]]  #: task to the labels of its probabilities
    thresholds: dict[str, dict[str, float]]  #: task to {false-positive rate: threshold on the probability}


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message, its features and Winnow's scores of it."""

    sent: str  #: generated; as a phone receives it
    text: str  #: canonical
    sender: str  #: canonical
    columns: list[int]  #: that are not 0, ascending
    values: list[float]
    otp: float  #: probabilities 0-1
    phishing: float
    spam: float
    intent: list[float] | None  #: nine; None where Winnow does not ask, for the message is no OTP


class Parity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`parity.json`."""

    version: str
    tolerance: float  #: largest difference of a feature or a probability that counts for none
    cases: list[Case]


def read(path: Path, form: type[_Struct]) -> _Struct:
    """A JSON file of an export.

    Raises:
        ConfigError: it is missing, or not of that form.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=form)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} is not of this version's form: {error}") from None
