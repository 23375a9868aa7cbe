"""Cascade, ensemble and rules as arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring import Answers, Cascade, Ensemble, combine, logit_of, sigmoid
from pipeline.types import INTENTS, NOT_OTP, RuleHit

NAN = math.nan
MODELS = dict.fromkeys(("gate", "phishing", "otp", "intent"), "lightgbm/1") | {"spam": "distilbert/2"}
ENSEMBLE = Ensemble(weight=0.5, a=1.0, b=0.0, partner="lightgbm/1")
INTENT = [0.3, 0.05, 0.25] + [0.4 / 6] * 6


def answers(**given_: object) -> Answers:
    values: dict[str, object] = {
        "hits": (),
        "gate": -2.0,
        "phishing": 0.01,
        "otp": 0.02,
        "intent": INTENT,
        "transformer": 4.0,
        "degraded": (),
    }
    return Answers(**(values | given_))  # type: ignore[arg-type]


def test_the_ensemble_is_the_mean_of_the_logits():
    found = combine(answers(), ENSEMBLE, MODELS)
    assert found.spam == pytest.approx(sigmoid(1.0))
    assert (found.decided_by, found.scorer) == ("ensemble", "distilbert/2")
    assert found.models == MODELS


@pytest.mark.parametrize(
    ("given_", "spam", "decided_by", "scorer"),
    [
        ({"transformer": NAN}, sigmoid(-2.0), "gate", "lightgbm/1"),
        ({"gate": NAN}, sigmoid(4.0), "transformer", "distilbert/2"),
        ({"gate": NAN, "transformer": NAN, "hits": (RuleHit("X", 3.0, ""),)}, sigmoid(1.0), "rules", "rules"),
    ],
)
def test_who_decides_when_a_stage_is_missing(given_, spam, decided_by, scorer):
    found = combine(answers(**given_), ENSEMBLE, MODELS)
    assert found.spam == pytest.approx(spam)
    assert (found.decided_by, found.scorer) == (decided_by, scorer)


def test_nothing_answered_means_no_score():
    found = combine(answers(gate=NAN, transformer=NAN, phishing=NAN, otp=NAN, intent=None), ENSEMBLE, MODELS)
    assert (found.spam, found.phishing, found.otp, found.decided_by, found.models) == (None, None, None, "none", {})
    assert found.intent == NOT_OTP


def test_a_version_without_an_ensemble_speaks_for_itself():
    assert combine(answers(), None, MODELS).decided_by == "transformer"


def test_rules_shift_the_score_of_their_target_alone():
    hit = RuleHit("LOOKALIKE", 1.5, "look-alike domain", target="phishing")
    plain, hinted = combine(answers(), ENSEMBLE, MODELS), combine(answers(hits=(hit,)), ENSEMBLE, MODELS)
    assert hinted.spam == plain.spam
    assert logit_of(hinted.phishing) == pytest.approx(logit_of(0.01) + 1.5)
    assert hinted.hits == (hit,)


@pytest.mark.parametrize(
    ("decisions", "expected"), [(["allow"], "allow_list"), (["deny"], "deny_list"), (["allow", "deny"], "deny_list")]
)
def test_lists_decide_and_deny_outranks_allow(decisions, expected):
    hits = tuple(RuleHit("LIST", 0.0, "", decides=d) for d in decisions)
    assert combine(answers(hits=hits), ENSEMBLE, MODELS).decided_by == expected


def test_the_best_intent_of_an_otp_wins():
    found = combine(answers(otp=0.99), ENSEMBLE, MODELS)
    assert (found.intent, found.intent_confidence) == (INTENTS[2], pytest.approx(0.25))


CASCADE = Cascade(low=-4.0, high=5.0, min_known=0.6)


@pytest.mark.parametrize(
    ("gate", "rules", "known", "skips"),
    [
        (-6.0, 0.0, 0.9, True),
        (7.0, 0.0, 0.9, True),
        (0.0, 0.0, 0.9, False),
        (-6.0, 0.0, 0.3, False),  # text unlike the training data
        (-6.0, 3.0, 0.9, False),  # the rules leave the sure region
        (0.0, -9.0, 0.9, False),  # only the rules are sure
        (NAN, 0.0, 0.9, False),
        (-6.0, 0.0, NAN, False),
    ],
)
def test_the_cascade_skips_only_what_is_sure(gate, rules, known, skips):
    assert CASCADE.skips(gate, rules, known) is skips


@given(st.floats(-700, 700))
def test_sigmoid_is_a_probability_and_never_overflows(logit):
    assert 0.0 <= sigmoid(logit) <= 1.0
    assert sigmoid(logit) == pytest.approx(1.0 - sigmoid(-logit))


@given(st.floats(1e-6, 1 - 1e-6))
def test_logit_undoes_sigmoid(probability):
    assert sigmoid(logit_of(probability)) == pytest.approx(probability)


@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-20, 20))
def test_more_evidence_never_lowers_the_score(gate, low, high):
    low, high = sorted((low, high))
    below, above = (combine(answers(gate=gate, transformer=t), ENSEMBLE, MODELS).spam for t in (low, high))
    assert below <= above
