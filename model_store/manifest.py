"""The manifest of one model version: what it is, what it was trained on, how its scores are read.

A version is a folder `name/version/` with `manifest.json` and the files that the manifest lists.
"""

from typing import Literal

import msgspec

from pipeline.scoring import Cascade, Ensemble, Platt

__all__ = [
    "FEATURES",
    "NORMALISER",
    "Cascade",
    "DataSource",
    "Ensemble",
    "FileInfo",
    "Manifest",
    "Platt",
    "decode",
    "encode",
]

#: Versions of the code that a model's inputs depend on; a model trained for others is refused.
NORMALISER = "2"
FEATURES = "tfidf-heuristics/1"


class FileInfo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sha256: str
    bytes: int


class DataSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    name: str
    rows: int
    licence: str
    use: str  #: "train", "validate", "test", "pretrain" or "evaluate"
    sha256: str = ""  #: fingerprint of the rows; empty where nobody took one


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: str
    version: str
    kind: Literal["lightgbm", "distilbert"]
    created: str  #: ISO 8601 date
    description: str
    parent: str | None = None
    normaliser: str = NORMALISER
    features: str = FEATURES
    files: dict[str, FileInfo]
    labels: dict[str, list[str]]  #: task to the labels of its outputs, in order
    max_tokens: int = 0  #: longest input of a transformer, in tokens
    calibration: dict[str, Platt]  #: task to the map from raw to calibrated logit
    ensemble: Ensemble | None = None  #: of a transformer
    cascade: Cascade | None = None  #: of a transformer
    #: task to {target false-positive rate: threshold on the calibrated probability}, ascending rates.
    thresholds: dict[str, dict[str, float]]
    metrics: dict[str, dict[str, float]]  #: evaluation name to its figures
    data: list[DataSource]

    @property
    def ref(self) -> str:
        """ "name/version", how experiments and verdicts name it."""
        return f"{self.name}/{self.version}"


def encode(manifest: Manifest) -> bytes:
    """Manifest as indented JSON with a final newline."""
    return msgspec.json.format(msgspec.json.encode(manifest, order="sorted"), indent=2) + b"\n"


def decode(raw: bytes) -> Manifest:
    """Parse and check a manifest.

    Raises:
        msgspec.ValidationError: a key is missing, unknown or of the wrong type; the message names it.
    """
    return msgspec.json.decode(raw, type=Manifest)
