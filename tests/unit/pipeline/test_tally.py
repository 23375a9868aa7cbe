import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shadow import Comparison
from pipeline.tally import BOUNDS, MINUTES, Counts, Tally, quantile_ms

NOW = 1_000_020.0  #: within a minute
MINUTE = int(NOW // 60)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def totals(counts: Counts) -> dict[tuple[str, str], tuple[int, int]]:
    """Exposures and failures of each arm."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (task, arm, _), each in counts.arms.items():
        rows, events = found.get((task, arm), (0, 0))
        found[task, arm] = (rows + each.exposures, events + each.failures)
    return found


def test_arms_are_counted_by_minute() -> None:
    clock = Clock()
    tally = Tally(clock)
    tally.exposed("spam", "net/3", "u", False, 0.01)
    tally.exposed("spam", "net/3", "u", True, 2.5)
    tally.exposed("otp", "trees/2", "u", False, 0.02)
    clock.now += 60
    tally.exposed("spam", "net/3", "u", False, 0.01)
    counts = tally.drain()
    assert {key: (each.exposures, each.failures) for key, each in counts.arms.items()} == {
        ("spam", "net/3", MINUTE): (2, 1),
        ("otp", "trees/2", MINUTE): (1, 0),
        ("spam", "net/3", MINUTE + 1): (1, 0),
    }


def units(tally: Tally) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for (_, arm, _), each in tally.drain().arms.items():
        rows, events = found.get(arm, (0, 0))
        found[arm] = (rows + each.units, events + each.failed_units)
    return found


def test_a_unit_counts_once_a_minute_however_often_it_is_written_down() -> None:
    clock = Clock()
    tally = Tally(clock)
    for _ in range(3):
        for unit in ("a", "a", "b"):
            tally.exposed("spam", "net/3", unit, False, None)
        tally.restore(tally.drain())
    assert units(tally) == {"net/3": (2, 0)}
    clock.now += 60
    tally.exposed("spam", "net/3", "a", False, None)
    assert units(tally) == {"net/3": (1, 0)}


def test_all_of_a_bulk_is_one_failure_and_a_sender_that_always_fails_is_no_second_one() -> None:
    clock = Clock()
    tally = Tally(clock)
    for _ in range(5):
        for nth in range(200):
            tally.exposed("spam", "net/3", "a", True, None)
            tally.exposed("spam", "net/3", f"b{nth}", False, None)
        clock.now += 60
    counts = tally.drain()
    assert sum(each.failed_units for each in counts.arms.values()) == 1
    assert sum(each.units for each in counts.arms.values()) == 1 + 5 * 200
    assert totals(counts) == {("spam", "net/3"): (2_000, 1_000)}  # what is shown are messages


def test_a_unit_that_failed_for_one_task_may_fail_for_another() -> None:
    tally = Tally(Clock())
    for task in ("spam", "otp", "spam"):
        tally.exposed(task, f"{task}/1", "a", True, None)
    assert units(tally) == {"spam/1": (1, 1), "otp/1": (1, 1)}


def test_units_that_failed_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.tally.REMEMBERED", 10)
    tally = Tally(Clock())
    for nth in range(95):
        tally.exposed("spam", "net/3", f"{nth}", True, None)
        assert len(tally._failed) <= 10
    assert units(tally) == {"net/3": (95, 95)}


def test_messages_without_a_time_are_counted_and_not_timed() -> None:
    tally = Tally(Clock())
    tally.exposed("spam", "net/3", "a", False, None)
    tally.exposed("spam", "net/3", "b", False, 0.01)
    (counts,) = tally.drain().arms.values()
    assert (counts.exposures, sum(counts.latency)) == (2, 1)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 9)), max_size=30), st.integers(-9, 9))
def test_what_comes_too_late_counts_in_the_oldest_minute(rows: list[tuple[str, int]], oldest: int) -> None:
    clock = Clock()
    tally = Tally(clock)
    for arm, minute in rows:
        clock.now = NOW + 60 * minute
        tally.exposed("spam", arm, "u", False, 0.01)
        tally.compared(Comparison("spam", arm, "ham", "spam"))
        tally.restore(tally.drain())
    counts = tally.drain()
    before = totals(counts)
    raised = counts.no_older_than(MINUTE + oldest)
    assert totals(raised) == totals(counts) == before
    for was, now in ((counts.arms, raised.arms), (counts.shadows, raised.shadows)):
        assert {key[-1] for key in now} == {max(minute, MINUTE + oldest) for *_, minute in was}
        assert sum(each.exposures for each in now.values()) == len(rows)


def test_what_was_drained_is_gone_and_what_is_restored_is_there_again() -> None:
    tally = Tally(Clock())
    tally.exposed("spam", "net/3", "u", True, 0.01)
    first = tally.drain()
    assert not tally.drain()
    tally.exposed("spam", "net/3", "u", False, 0.03)
    tally.restore(first)
    assert totals(tally.drain()) == {("spam", "net/3"): (2, 1)}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.integers(0, 900), st.booleans()), max_size=60))
def test_nothing_is_lost_or_doubled_however_long_writing_fails(
    messages: list[tuple[str, bool, int, bool]],
) -> None:
    """A message of an arm, perhaps failed, so many seconds after the last one, and perhaps a write that fails."""
    clock = Clock()
    tally = Tally(clock)
    for arm, failed, later, write_fails in messages:
        clock.now += later
        tally.exposed("spam", arm, "u", failed, 0.01)
        if write_fails:
            tally.restore(tally.drain())
    expected = {
        ("spam", arm): (len(those), sum(failed for _, failed, *_ in those))
        for arm in "ab"
        if (those := [each for each in messages if each[0] == arm])
    }
    assert totals(tally.drain()) == expected


def test_hours_without_postgres_are_merged_and_stay_bounded() -> None:
    clock = Clock()
    tally = Tally(clock)
    for _ in range(3 * MINUTES):
        for arm in ("net/3", "net/4"):
            tally.exposed("spam", arm, "u", False, 0.01)
            tally.compared(Comparison("spam", f"{arm}x", "ham", "spam"))
        tally.restore(tally.drain())
        clock.now += 60
    counts = tally.drain()
    assert totals(counts) == {("spam", arm): (3 * MINUTES, 0) for arm in ("net/3", "net/4")}
    for kept in (counts.arms, counts.shadows):
        assert len(kept) <= 2 * MINUTES
        assert sum(each.exposures for each in kept.values()) == 6 * MINUTES
    latest = MINUTE + 3 * MINUTES - 1
    assert counts.arms["spam", "net/4", latest].exposures == 1  # minutes that a p99 needs are still apart
    assert counts.arms["spam", "net/4", MINUTE].exposures > MINUTES


@pytest.mark.parametrize(
    ("task", "live", "shadow", "expected"),
    [
        ("spam", "ham", "spam", (1, 0, 1, 0)),
        ("spam", "spam", "ham", (1, 0, 0, 1)),
        ("spam", "spam", "spam", (1, 0, 0, 0)),
        ("spam", "ham", None, (1, 1, 0, 0)),
        ("otp", "otp", "not_otp", (1, 0, 0, 1)),
        ("phishing", "not_phishing", "phishing", (1, 0, 1, 0)),
        ("intent", "APP_LOGIN_OTP", "KYC_OR_ESIGN_OTP", (1, 0, 1, 1)),
    ],
)
def test_shadows_are_compared_with_what_was_said(
    task: str, live: str, shadow: str | None, expected: tuple[int, ...]
) -> None:
    tally = Tally(Clock())
    tally.compared(Comparison(task, "net/4", live, shadow))
    (found,) = tally.drain().shadows.values()
    assert (found.exposures, found.failures, found.only_shadow, found.only_live) == expected


@given(st.lists(st.floats(0.001, 10.0), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_a_quantile_is_within_a_tenth(times: list[float], share: float) -> None:
    tally = Tally(Clock())
    for seconds in times:
        tally.exposed("spam", "net/3", "u", False, seconds)
    (counts,) = tally.drain().arms.values()
    exact = 1000 * sorted(times)[max(0, math.ceil(share * len(times) - 1e-9) - 1)]
    found = quantile_ms(counts.latency, share)
    assert found == pytest.approx(exact, rel=0.1)


def test_times_out_of_range_are_told_by_the_range() -> None:
    tally = Tally(Clock())
    tally.exposed("spam", "fast/1", "u", False, 0.0)
    tally.exposed("spam", "slow/1", "u", False, 60.0)
    fast, slow = (each.latency for each in tally.drain().arms.values())
    assert quantile_ms(fast, 0.99) == pytest.approx(1.0)
    assert quantile_ms(slow, 0.99) == pytest.approx(10_000.0)
    assert quantile_ms([0] * (len(BOUNDS) + 1), 0.99) is None
