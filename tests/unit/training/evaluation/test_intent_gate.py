"""Where the local model may answer alone."""

import numpy as np
import pytest

from training.evaluation.intent_gate import LEAST, Judged, out_of_sample, threshold


def judged(confidences: list[float], right: list[bool]) -> Judged:
    groups = np.arange(len(right), dtype=np.int64)
    return Judged(np.array(confidences, dtype=np.float32), np.array(right), groups)


def graded(rows: int = 1000, errors_below: float = 0.8) -> Judged:
    """Confidences spread evenly over 0.5-1; below a point every second label is wrong."""
    confidences = [0.5 + 0.5 * i / rows for i in range(rows)]
    return judged(confidences, [c >= errors_below or i % 2 == 0 for i, c in enumerate(confidences)])


def test_the_lowest_threshold_that_holds_in_every_set():
    easy, hard = graded(errors_below=0.6), graded(errors_below=0.8)
    assert threshold({"easy": easy}, 1.0) == 0.6
    assert threshold({"easy": easy, "hard": hard}, 1.0) == 0.8
    assert threshold({"hard": hard}, 0.9) < 0.8


def test_a_threshold_holds_at_all_higher_ones_too():
    dip = judged([0.55] * 2000 + [0.99] * 100, [True] * 2000 + [False] * 100)
    assert dip.right.mean() > 0.95
    assert threshold({"dip": dip}, 0.95) == float("inf")


def test_few_rows_say_nothing():
    few = judged([0.99] * (LEAST - 1), [True] * (LEAST - 1))
    assert threshold({"few": few}, 0.99) == float("inf")
    assert threshold({"few": few, "many": graded()}, 0.99) == float("inf")


def test_thresholds_are_judged_on_other_templates():
    right, rows = out_of_sample({"set": graded(errors_below=0.8)}, 1.0)["set"]
    assert right == rows == pytest.approx(400, abs=20)


def test_a_group_whose_labels_are_wrong_shows_out_of_sample():
    """Every second template is always wrong: no threshold holds, so nothing is above one."""
    confidences = [0.95] * 200
    coin = judged(confidences, [i % 2 == 0 for i in range(200)])
    assert out_of_sample({"coin": coin}, 0.99)["coin"] == (0, 0)
