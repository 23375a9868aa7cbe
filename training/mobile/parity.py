"""Messages of our own grammar with Winnow's features and scores, for a phone to be compared with."""

import numpy as np

from model_store.store import Bundle
from pipeline.models.lightgbm import OTP_IN_REACH, Features, TreeModels, compute_features
from pipeline.normalise import normalise
from pipeline.senders import canonical_address
from pipeline.tfidf import FeatureMap, Sparse, Vectoriser
from pipeline.types import Floats, TreeScores
from training.mobile.files import Case, Parity
from training.synthetic import generate

TOLERANCE = 1e-4
_SEED = 2031  #: neither of a training nor of an evaluation


def make(bundle: Bundle, features: FeatureMap, count: int) -> Parity:
    """The parity file of a version: `count` generated messages and what Winnow's own models make of them."""
    examples = generate(count, _SEED, "heldout")
    texts = [normalise(example.text).text for example in examples]
    senders = [canonical_address(example.sender) for example in examples]
    scores = TreeModels(bundle.path, bundle.manifest.calibration).score(texts, senders)
    found = compute_features(Vectoriser(features), texts, senders)
    cases = [
        _case(examples[i].text, texts[i], senders[i], row(found, i, features), scores, i) for i in range(len(texts))
    ]
    return Parity(version=bundle.manifest.ref, tolerance=TOLERANCE, cases=cases)


def row(found: Features, i: int, features: FeatureMap) -> Floats:
    """float32[width] features of message `i`, in the phone's order of columns."""
    words = _unfold(found.words, i, len(features.words))
    return np.concatenate([words, found.shape[i], _unfold(found.grams, i, len(features.grams))])


def _unfold(sparse: Sparse, i: int, width: int) -> Floats:
    there = slice(sparse.indptr[i], sparse.indptr[i + 1])
    dense = np.zeros(width, dtype=np.float32)
    dense[sparse.indices[there]] = sparse.values[there]
    return dense


def _case(sent: str, text: str, sender: str, vector: Floats, scores: TreeScores, i: int) -> Case:
    columns = np.flatnonzero(vector)
    return Case(
        sent=sent,
        text=text,
        sender=sender,
        columns=columns.tolist(),
        values=_rounded(vector[columns]),
        otp=_rounded(scores.otp)[i],
        phishing=_rounded(scores.phishing)[i],
        spam=_rounded(0.5 * (1.0 + np.tanh(0.5 * scores.spam)))[i],
        intent=_rounded(scores.intent[i]) if scores.otp[i] >= OTP_IN_REACH else None,
    )


def _rounded(values: Floats) -> list[float]:
    return [round(value, 6) for value in values.tolist()]
