"""The gate and the audit that closes it."""

import random

from pipeline.cascade import Gate, SpamModel
from pipeline.scoring import Cascade, Ensemble

REF = "distilbert/2"
MODEL = SpamModel(
    REF,
    Ensemble(weight=0.5, a=1.0, b=0.0, partner="lightgbm/1"),
    Cascade(low=-4.0, high=4.0, min_known=0.5),
    thresholds=(0.5, 0.9),
)


def make(**options: object) -> Gate:
    return Gate({REF: MODEL}, rng=random.Random(1), **options)  # type: ignore[arg-type]


def test_unknown_versions_and_versions_without_a_cascade_skip_nothing():
    assert not make().skips("distilbert/9", -9.0, 0.0, 1.0)
    bare = SpamModel(REF, MODEL.ensemble, None, MODEL.thresholds)
    assert not Gate({REF: bare}).skips(REF, -9.0, 0.0, 1.0)


def test_decisions_are_equal_between_thresholds():
    assert [MODEL.decision(logit) for logit in (-3.0, -0.1, 0.1, 2.0, 2.3, 9.0)] == [0, 0, 1, 1, 2, 2]


def test_the_audited_share_is_the_rate():
    gate = make(audit_rate=0.1)
    assert 850 < sum(gate.audits() for _ in range(10_000)) < 1150
    assert not any(make(audit_rate=0.0).audits() for _ in range(1000))


def test_agreement_keeps_the_gate_open():
    gate = make()
    for _ in range(100):
        assert gate.record(REF, -6.0, -6.0, 0.0) is False
        assert gate.record(REF, 6.0, 6.0, 0.0) is False
    assert gate.skips(REF, -6.0, 0.0, 1.0)


def test_disagreement_closes_the_gate_of_that_version():
    gate = make(tolerance=3)
    for _ in range(4):
        assert gate.skips(REF, -6.0, 0.0, 1.0)
        assert gate.record(REF, -6.0, 9.0, 0.0) is True
    assert gate.closed == {REF}
    assert not gate.skips(REF, -6.0, 0.0, 1.0)


def test_old_audits_are_forgotten():
    gate = make(tolerance=3, window=10)
    for _ in range(3):
        gate.record(REF, -6.0, 9.0, 0.0)
    for _ in range(10):
        gate.record(REF, -6.0, -6.0, 0.0)
    for _ in range(3):
        gate.record(REF, -6.0, 9.0, 0.0)
    assert not gate.closed


def test_an_audit_without_an_answer_says_nothing():
    assert make().record(REF, -6.0, float("nan"), 0.0) is None
