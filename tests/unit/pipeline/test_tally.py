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
    tally.exposed("spam", "net/3", 0.01, False)
    tally.exposed("spam", "net/3", 2.5, True)
    tally.exposed("otp", "trees/2", 0.02, False)
    clock.now += 60
    tally.exposed("spam", "net/3", 0.01, False)
    counts = tally.drain()
    assert {key: (each.exposures, each.failures) for key, each in counts.arms.items()} == {
        ("spam", "net/3", MINUTE): (2, 1),
        ("otp", "trees/2", MINUTE): (1, 0),
        ("spam", "net/3", MINUTE + 1): (1, 0),
    }


def test_what_was_drained_is_gone_and_what_is_restored_is_there_again() -> None:
    tally = Tally(Clock())
    tally.exposed("spam", "net/3", 0.01, True)
    first = tally.drain()
    assert not tally.drain()
    tally.exposed("spam", "net/3", 0.03, False)
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
        tally.exposed("spam", arm, 0.01, failed)
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
            tally.exposed("spam", arm, 0.01, False)
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
        tally.exposed("spam", "net/3", seconds, False)
    (counts,) = tally.drain().arms.values()
    exact = 1000 * sorted(times)[max(0, math.ceil(share * len(times) - 1e-9) - 1)]
    found = quantile_ms(counts.latency, share)
    assert found == pytest.approx(exact, rel=0.1)


def test_times_out_of_range_are_told_by_the_range() -> None:
    tally = Tally(Clock())
    tally.exposed("spam", "fast/1", 0.0, False)
    tally.exposed("spam", "slow/1", 60.0, False)
    fast, slow = (each.latency for each in tally.drain().arms.values())
    assert quantile_ms(fast, 0.99) == pytest.approx(1.0)
    assert quantile_ms(slow, 0.99) == pytest.approx(10_000.0)
    assert quantile_ms([0] * (len(BOUNDS) + 1), 0.99) is None
