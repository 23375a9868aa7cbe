import numpy as np

from training.evaluation.ramping import Traffic, ride


def rides(control: float, treatment: float, runs: int = 25) -> list:
    traffic = Traffic(control=control, treatment=treatment)
    return [ride(traffic, np.random.default_rng([2, run])) for run in range(runs)]


def test_a_model_that_flags_one_point_more_is_rolled_back_by_itself() -> None:
    found = rides(0.005, 0.015)
    assert [each.end for each in found] == ["stopped"] * len(found)
    assert max(each.share for each in found) <= 0.25
    assert np.median([each.hours for each in found]) < 40


def test_a_much_worse_model_is_rolled_back_early() -> None:
    found = rides(0.005, 0.1)
    assert all(each.end == "stopped" and each.share <= 0.05 for each in found)


def test_a_model_that_is_as_good_gets_all_of_the_traffic() -> None:
    found = rides(0.005, 0.005)
    assert sum(each.end == "complete" for each in found) >= 24
    assert min(each.hours for each in found) >= 31  # the dwell times


def test_time_that_runs_out_leaves_a_ramp_where_it_is() -> None:
    found = ride(Traffic(), np.random.default_rng(1), hours=8)
    assert (found.end, found.hours, found.share) == ("held", 8, 0.05)
