"""Differences are taken within a round, and told with their spread."""

from loadtests.bench.load import Result, Timing
from loadtests.bench.overload import LATE
from loadtests.rollout.shadow import SETTINGS, Cost, Slice, differences, render


def slices(*p99s: float) -> list[Slice]:
    """One round, by setting."""
    return [
        Slice(setting, result(p99), *((5, 2) if setting == "shadow" else (0, 0)))
        for setting, p99 in zip(SETTINGS, p99s, strict=True)
    ]


def result(p99: float, late_ms: float = 0.5) -> Result:
    return Result(
        requests=10,
        seconds=1.0,
        timings={"200": Timing(10, 3.0, 4.0, p99)},
        retry_after={},
        errors={},
        connections=1,
        late_p99_ms=late_ms,
        ended=0.0,
    )


COST = Cost(1000.0, 400.0, [slices(10.0, 11.0, 11.5), slices(30.0, 30.0, 31.5), slices(20.0, 22.0, 21.0)])


def test_a_slow_round_does_not_count_as_a_difference() -> None:
    assert differences(COST, "p99", "no experiment", "experiment") == [1.0, 0.0, 2.0]
    assert differences(COST, "p99", "experiment", "shadow") == [0.5, 1.5, -1.0]


def test_the_report_has_medians_spreads_and_copies() -> None:
    text = render(COST, "today", "a command")
    assert "- shadow − experiment: p50 +0.00 (+0.00 … +0.00) ms, p99 +0.50 (-1.00 … +1.50) ms" in text
    assert "| shadow | 3.00 (3.00 … 3.00) | 21.00 (11.50 … 31.50) | 15 | 6 |" in text


def test_figures_of_a_generator_that_was_late_come_with_a_warning() -> None:
    late = Cost(1000.0, 400.0, [[Slice(setting, result(9.0, late_ms=80.0), 0, 0) for setting in SETTINGS]])
    assert LATE in render(late, "today", "a command")
    assert LATE not in render(COST, "today", "a command")
