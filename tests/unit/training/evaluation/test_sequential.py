import numpy as np
import pytest

from pipeline.evidence import Bucket, Count, Evidence
from training.evaluation.sequential import (
    NEVER,
    Scenario,
    Stage,
    clustered,
    draw,
    fixed_size,
    mixed,
    ratios,
    simulate,
)

RAMPED = Scenario("ramp", tuple(Stage(2_000, share, rate, rate) for share, rate in ((0.05, 0.01), (0.5, 0.06))))


def share(alarms: np.ndarray) -> float:
    return float(np.mean(alarms != NEVER))


def test_the_simulated_e_values_are_those_of_serving() -> None:
    drawn = draw(Scenario("one", (Stage(2_000, 0.2, 0.02, 0.05),)), 3, np.random.default_rng(1))
    logs = mixed(np.cumsum(ratios(drawn), axis=1))
    for run in range(3):
        evidence = Evidence()
        for bucket in range(20):
            control, treatment = (
                Count(int(events[run, bucket]), int(rows[run, bucket]))
                for events, rows in zip(drawn.events, drawn.rows, strict=True)
            )
            evidence = evidence.add(Bucket(control, treatment))
            assert np.exp(logs[run, bucket]) == pytest.approx(evidence.either)


def test_alike_arms_alarm_in_no_more_than_one_run_of_twenty_however_often_one_looks() -> None:
    found = simulate(RAMPED, 1_000, seed=3)
    assert share(found.either) <= 0.05
    assert share(found.more) <= 0.05 / 3
    assert share(found.naive) > 0.5  # traffic moved while the rate rose


def test_a_worse_arm_is_found_and_not_before_the_first_bucket() -> None:
    found = simulate(Scenario("bad", (Stage(10_000, 0.5, 0.005, 0.025),)), 300, seed=4).more
    assert share(found) > 0.95
    assert found[found != NEVER].min() >= 100
    assert found.max() <= 10_000


def test_a_seed_is_a_run() -> None:
    first, again, other = (draw(RAMPED, 20, np.random.default_rng(seed)).events[0] for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_labels_of_one_sender_are_one_draw() -> None:
    assert clustered(20, 1, sticky=True, first=False) > 10
    assert clustered(20, 1, sticky=True, first=True) <= 3
    assert clustered(20, 1, sticky=False, first=False) <= 3


def test_the_fixed_size_is_the_textbooks() -> None:
    assert fixed_size(Stage(0, 0.5, 0.10, 0.20)) == pytest.approx(2 * 196.2, abs=0.5)  # without continuity correction
