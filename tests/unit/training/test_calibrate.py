import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.scoring import Platt, logit_of
from training.calibrate import (
    decisions,
    fit_cascade,
    fit_ensemble,
    fit_platt,
    fit_temperature,
    log_loss,
    sigmoid,
    skipped,
    softmax,
    thresholds,
    traffic_weights,
)
from training.metrics import expected_calibration_error

seeds = st.integers(0, 2**32 - 1)
TARGETS = ["0.005", "0.001", "0.0002"]


def drawn(seed: int, rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn with the very probabilities of their logits."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.0, 3.0, rows)
    return rng.random(rows) < sigmoid(logits), logits


@given(seeds)
@settings(max_examples=20)
def test_platt_undoes_a_distortion(seed: int) -> None:
    labels, logits = drawn(seed)
    platt = fit_platt(labels, 3.0 * logits + 2.0)
    assert platt.a == pytest.approx(1 / 3, rel=0.25)
    restored = sigmoid(platt.a * (3.0 * logits + 2.0) + platt.b)
    assert expected_calibration_error(labels, restored) < 0.04


@given(seeds)
@settings(max_examples=20)
def test_platt_never_makes_the_loss_much_worse(seed: int) -> None:
    labels, logits = drawn(seed, 500)
    platt = fit_platt(labels, logits)
    assert log_loss(labels, platt.a * logits + platt.b) <= log_loss(labels, logits) + 1e-3


def test_platt_stays_finite_where_the_classes_are_apart() -> None:
    labels = np.arange(100) >= 50
    platt = fit_platt(labels, np.where(labels, 9.0, -9.0))
    assert np.isfinite([platt.a, platt.b]).all()
    assert platt.a > 0


def test_one_class_alone_is_left_as_it_is() -> None:
    assert fit_platt(np.zeros(5, dtype=bool), np.arange(5.0)) == Platt()


@given(seeds, st.integers(1, 5000))
def test_thresholds_keep_their_rates_their_floor_and_their_order(seed: int, rows: int) -> None:
    legitimate = np.random.default_rng(seed).beta(0.2, 3.0, rows)
    found = thresholds(legitimate)
    assert list(found) == TARGETS
    assert list(found.values()) == sorted(found.values())
    assert found["0.005"] >= 0.5
    for rate, threshold in found.items():
        assert threshold < 1.0
        assert np.mean(legitimate >= threshold) <= float(rate)


def test_a_template_counts_once_however_many_messages_were_made_of_it() -> None:
    legitimate = np.asarray([0.99] * 500 + [0.1] * 1000)
    distinct = [str(number) for number in range(1000)]
    assert thresholds(legitimate, traffic_weights(["one template"] * 500 + distinct, {}))["0.005"] == 0.5
    assert thresholds(legitimate)["0.005"] > 0.99


def test_what_was_written_too_often_counts_less() -> None:
    shares = {"made/hard/": 0.1, "made/": 0.5}
    assert traffic_weights(["a", "made/hard/b", "a", "made/c"], shares).tolist() == [0.5, 0.1, 0.5, 0.5]


def test_temperature_undoes_a_scale() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0.0, 2.0, (4000, 3))
    labels = np.asarray([rng.choice(3, p=row) for row in softmax(logits)], dtype=np.int8)
    assert fit_temperature(labels, logits * 1.6).a == pytest.approx(1 / 1.6, rel=0.1)


def test_weights_move_a_calibration_to_the_rows_that_count() -> None:
    labels = np.asarray([True, False] * 500 + [False] * 1000)
    raw = np.zeros(2000)
    weights = np.asarray([1.0] * 1000 + [0.0] * 1000)
    assert sigmoid(np.asarray([fit_platt(labels, raw).b]))[0] == pytest.approx(0.25, abs=0.01)
    assert sigmoid(np.asarray([fit_platt(labels, raw, weights).b]))[0] == pytest.approx(0.5, abs=0.01)


@given(seeds)
@settings(max_examples=20)
def test_an_ensemble_is_no_worse_than_its_better_half(seed: int) -> None:
    labels, logits = drawn(seed, 2000)
    rng = np.random.default_rng(seed + 1)
    one, other = logits + rng.normal(0, 2, 2000), logits + rng.normal(0, 2, 2000)
    found = fit_ensemble(labels, one, other, "lightgbm/1")
    both = found.a * (found.weight * one + (1 - found.weight) * other) + found.b
    alone = [fit_platt(labels, half) for half in (one, other)]
    losses = [log_loss(labels, p.a * half + p.b) for p, half in zip(alone, (one, other), strict=True)]
    assert log_loss(labels, both) < min(losses) + 0.01
    assert 0.0 < found.weight < 1.0


@given(seeds, st.floats(0, 2))
@settings(max_examples=50)
def test_the_cascade_changes_no_validation_decision(seed: int, margin: float) -> None:
    rng = np.random.default_rng(seed)
    final = rng.normal(-2, 4, 400)
    gate, known = final + rng.normal(0, 1, 400), rng.random(400)
    gate_cuts, final_cuts = [0.5, 0.9, 0.99], [0.6, 0.95, 0.99]
    cascade = fit_cascade(gate, final, known, gate_cuts=gate_cuts, final_cuts=final_cuts, min_known=0.3, margin=margin)
    skips = skipped(cascade, gate, known)
    assert not (skips & (known < 0.3)).any()
    assert (decisions(gate, gate_cuts) == decisions(final, final_cuts))[skips].all()
    assert cascade.low <= logit_of(0.5) - margin
    assert cascade.high >= logit_of(0.99) + margin
