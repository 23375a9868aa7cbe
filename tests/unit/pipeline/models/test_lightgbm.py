"""On the shipped model: its answers are part of what the project promises."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from model_store.store import SHIPPED, Bundle, LocalStore
from pipeline.errors import ModelError
from pipeline.models.lightgbm import TreeModels
from pipeline.models.linear import load_linear
from pipeline.types import INTENTS

OTP = "Your OTP for HDFC Bank login is 482913. Do not share."
PARCEL_SCAM = "USPS: your parcel is held, pay the $1.99 redelivery fee at http://usps-redelivery.top/a8x"
LEGITIMATE = [
    OTP,
    "Hey are we still on for lunch tomorrow?",
    "Rs.2,500.00 debited from A/c XX1234 on 12-Nov to VPA merchant@upi. Not you? Call 18002586161",
    "Your package from Amazon will arrive today by 8pm. Track it at https://amazon.com/track/TBA123456",
]
TEXTS = [*LEGITIMATE, PARCEL_SCAM]
BROKEN = "a lone \ud800 surrogate"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return LocalStore(SHIPPED).open("lightgbm/2")


@pytest.fixture(scope="module")
def models(bundle: Bundle) -> TreeModels:
    return TreeModels(bundle.path, bundle.manifest.calibration)


def blank(texts: list[str]) -> list[str]:
    return [""] * len(texts)


def test_a_prize_scam_a_parcel_scam_and_an_otp_are_told_apart(models: TreeModels, bundle: Bundle) -> None:
    prize = "Congratulations! You've won a $1000 Walmart gift card. Click http://bit.ly/x1 to claim now"
    scores = models.score([prize, PARCEL_SCAM, OTP], ["", "", ""])
    assert scores.spam[0] > 2.2  # 0.9
    assert scores.phishing[1] > bundle.manifest.thresholds["phishing"]["0.0002"]
    assert scores.otp[2] > bundle.manifest.thresholds["otp"]["0.005"]
    assert INTENTS[int(scores.intent[2].argmax())] == "FINANCIAL_LOGIN_OTP"


def test_legitimate_messages_are_below_every_threshold(models: TreeModels, bundle: Bundle) -> None:
    scores = models.score(LEGITIMATE, blank(LEGITIMATE))
    assert (scores.spam < 0).all()
    assert (scores.phishing < bundle.manifest.thresholds["phishing"]["0.005"]).all()


def test_intents_are_given_for_otps_alone(models: TreeModels) -> None:
    scores = models.score(TEXTS, blank(TEXTS))
    assert scores.intent.shape == (len(TEXTS), len(INTENTS))
    assert scores.intent[0].sum() == pytest.approx(1.0, abs=1e-5)
    assert not scores.intent[1:].any()


def test_a_batch_equals_its_messages(models: TreeModels) -> None:
    whole = models.score(TEXTS, blank(TEXTS))
    for row, text in enumerate(TEXTS):
        alone = models.score([text], [""])
        for name in ("spam", "phishing", "otp", "known"):
            assert getattr(alone, name)[0] == pytest.approx(getattr(whole, name)[row], abs=1e-4)
        assert np.allclose(alone.intent[0], whole.intent[row], atol=1e-4)


def test_a_bad_message_fails_alone(models: TreeModels) -> None:
    texts = [*TEXTS, BROKEN, *TEXTS]
    scores = models.score(texts, blank(texts))
    bad = len(TEXTS)
    for column in (scores.spam, scores.phishing, scores.otp, scores.known):
        assert np.flatnonzero(np.isnan(column)).tolist() == [bad]
    assert np.isnan(scores.intent[bad]).all()


def test_no_messages_give_no_scores(models: TreeModels) -> None:
    scores = models.score([], [])
    assert scores.spam.shape == (0,)
    assert scores.intent.shape == (0, len(INTENTS))


def test_text_of_another_world_is_not_known(models: TreeModels) -> None:
    known = models.score(["are you home now", "zxqv jjkw pptr"], ["", ""]).known
    assert known[0] > 0.9
    assert known[1] < 0.1


def test_calibration_moves_the_logit(bundle: Bundle, models: TreeModels) -> None:
    platt = bundle.manifest.calibration["spam"]
    shifted = {**bundle.manifest.calibration, "spam": msgspec.structs.replace(platt, b=platt.b + 1.0)}
    scores = TreeModels(bundle.path, shifted).score(TEXTS, blank(TEXTS))
    assert np.allclose(scores.spam, models.score(TEXTS, blank(TEXTS)).spam + 1.0, atol=1e-5)


def test_missing_and_damaged_artefacts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="feature_map"):
        TreeModels(tmp_path, {})
    (tmp_path / "linear.npz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match="cannot be read"):
        load_linear(tmp_path / "linear.npz", ("spam",))
