import pytest

from pipeline.evidence import Count
from pipeline.minutes import ArmMinute, broken_minutes, recent_p99_ms
from pipeline.tally import BOUNDS

OLD, NEW = "net/3", "net/4"


def minute(arm: str, number: int, count: int, seconds: float) -> ArmMinute:
    latency = [0] * (len(BOUNDS) + 1)
    latency[next(i for i, bound in enumerate(BOUNDS) if bound >= seconds)] = count
    return ArmMinute(arm, number, latency)


def test_a_p99_is_of_as_few_minutes_as_it_needs_the_same_for_both_arms() -> None:
    minutes = [
        minute(OLD, 1, 500, 2.0),
        minute(NEW, 1, 50, 2.0),
        minute(OLD, 2, 500, 0.1),
        minute(NEW, 2, 60, 0.1),
        minute(OLD, 3, 500, 0.1),
        minute(NEW, 3, 60, 0.1),
    ]
    found = recent_p99_ms(minutes, (OLD, NEW), 100)
    assert found == {OLD: pytest.approx(100, rel=0.1), NEW: pytest.approx(100, rel=0.1)}
    assert recent_p99_ms(minutes, (OLD, NEW), 170)[NEW] == pytest.approx(2000, rel=0.1)
    assert recent_p99_ms(minutes, (OLD, NEW), 171) == {}
    assert recent_p99_ms([], (OLD, NEW), 1) == {}


def failed(arm: str, number: int, events: int, rows: int = 50) -> ArmMinute:
    return ArmMinute(arm, number, [0] * (len(BOUNDS) + 1), Count(events, rows))


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([0, 50, 50, 50], [0, 0, 0, 0], 3),
        ([50, 50, 50, 0], [0, 0, 0, 0], 0),  # over
        ([50, 0, 50, 26], [0, 0, 0, 0], 2),
        ([50, 50, 50, 25], [0, 0, 0, 0], 0),  # not most
        ([50, 50, 50, 50], [0, 50, 0, 0], 2),  # everything failed
        ([], [], 0),
    ],
)
def test_an_arm_is_broken_for_as_long_as_most_fails_and_not_the_controls(
    ours: list[int], theirs: list[int], expected: int
) -> None:
    minutes = [failed(OLD, nth, events) for nth, events in enumerate(theirs)]
    minutes += [failed(NEW, nth, events) for nth, events in enumerate(ours)]
    assert broken_minutes(minutes, OLD, NEW) == expected


def test_minutes_with_hardly_any_messages_say_nothing() -> None:
    minutes = [failed(arm, nth, 50 * (arm == NEW)) for nth in range(4) for arm in (OLD, NEW)]
    quiet = [failed(OLD, 4, 0), failed(NEW, 4, 0, 9), failed(OLD, 5, 0, 3), failed(NEW, 5, 50), failed(NEW, 6, 50)]
    assert broken_minutes([*minutes, *quiet], OLD, NEW) == 4
