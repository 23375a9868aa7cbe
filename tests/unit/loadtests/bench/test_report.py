"""Tables of invented measurements."""

from pathlib import Path

import pytest

from loadtests.bench import bare, plot
from loadtests.bench.load import Result, Timing
from loadtests.bench.overload import LATE, Outcome, Probe, recovery
from loadtests.bench.overload import render as render_overload
from loadtests.bench.phases import Measurement
from loadtests.bench.report import About, best_peer, of_phase, render, rows

ABOUT = About(date="today", cores=2, processor="P", command="python -m …", rounds=3, versions={"mosec": "1"})


def measured(server: str, setting: str, phase: str, *rates: float) -> list[Measurement]:
    return [
        Measurement(
            server=server, setting=setting, phase=phase, round=n, speed=1.0, messages=rate, p50=rate, p95=2.0, p99=3.0
        )
        for n, rate in enumerate(rates, 1)
    ]


TABLE = rows(
    [
        *measured(bare.NAME, bare.NET, "bare", 1_000, 1_000, 1_000),
        *measured(bare.NAME, bare.ALL, "bare", 800, 800, 800),
        *measured("Winnow", "as shipped, cache cold", "single", 900, 400, 600),
        *measured("mosec", "batches of up to 32, 1 worker", "single", 100, 120, 110),
        *measured("mosec", "batches of up to 32, 2 workers", "single", 150, 150, 150),
        *measured("mosec", "no batching, 1 worker", "single", 300, 300, 300),
        *measured("mosec", "no batching, 2 workers", "single", 200, 200, 200),
        *measured("Winnow", "as shipped, cache cold", "bulk", 2_000, 2_000, 2_000),
    ]
)


def test_rows_are_medians() -> None:
    row = next(row for row in TABLE if row.server == "Winnow" and row.phase == "single")
    assert (row.messages, row.p50, row.rounds) == (600, 600, 3)


def test_a_peer_has_two_rows_each_with_its_faster_worker_count() -> None:
    assert [(row.server, row.setting) for row in of_phase(TABLE, "single")] == [
        ("Winnow", "as shipped, cache cold"),
        ("mosec", "batches of up to 32, 2 workers"),
        ("mosec", "no batching, 1 worker"),
    ]
    peer = best_peer(TABLE, "single")
    assert peer and peer.setting == "no batching, 1 worker"


def test_the_report_compares_with_the_best_peer_and_the_bare_loop() -> None:
    text = render(TABLE, ABOUT)
    assert "| Winnow | as shipped, cache cold | 600 | 600.0 / 2.0 / 3.0 | 2.00 | 0.60 | 0.75 |" in text
    assert "| Winnow | as shipped, cache cold | 2,000 | 2,000.0 / 2.0 / 3.0 | 6.67 | 2.00 | 2.50 |" in text
    assert f"| {bare.NET} | 256 | 1,000 |" in text
    assert "campaign, 64" not in text.lower().replace("a campaign:", "")
    assert "Best peer: mosec, no batching, 1 worker." in text


def test_without_peers_there_is_no_ratio_to_them() -> None:
    text = render([row for row in TABLE if not row.is_peer], ABOUT)
    assert "| 600.0 / 2.0 / 3.0 |  | 0.60 | 0.75 |" in text
    assert "Best peer" not in text


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plot.draw(TABLE, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def probes(*latencies: float, status: int = 200) -> list[Probe]:
    return [Probe(at=100.0 + number, ms=ms, status=status) for number, ms in enumerate(latencies)]


def test_recovery_is_the_first_of_ten_normal_probes_after_the_end() -> None:
    assert recovery(probes(900, 900, 20, 900, *[20] * 10), 100.5, 50) == 3.5
    assert recovery(probes(*[20] * 30), 110, 50) == 0
    assert recovery(probes(*[20] * 9), 100, 50) is None
    assert recovery(probes(*[20] * 20, status=429), 100, 50) is None


@pytest.mark.parametrize("late", [1.0, 7_340.0])
def test_the_overload_report_tells_shares_and_retry_after(late: float) -> None:
    def result(**timings: Timing) -> Result:
        by_status = {name[1:]: each for name, each in timings.items()}
        return Result(
            requests=sum(each.count for each in by_status.values()),
            seconds=10,
            timings=by_status,
            retry_after={"429": 590},
            errors={},
            connections=7,
            late_p99_ms=late,
            ended=0,
        )

    outcome = Outcome(
        setting="as shipped",
        capacity=100,
        seconds=10,
        normal=result(s200=Timing(800, 5, 6, 7)),
        overload=result(s200=Timing(400, 50, 60, 70), s429=Timing(600, 1, 2, 3)),
        memory_before=2**30,
        memory_after=2**31,
        recovered_s=1.25,
        probes=[],
    )
    text = render_overload(outcome, "today", "python -m …")
    assert "| accepted | 40.0%, 40 messages/s |" in text
    assert "| refusals, p99 | 3 ms (429, 600) |" in text
    assert "| refusals with Retry-After | 590 of 600 |" in text
    assert "| 1,024 MiB, 2,048 MiB |" in text
    assert (LATE in text) == (late > 1)


def test_a_phase_on_a_slower_machine_counts_for_more() -> None:
    phases = [
        Measurement(
            server="a", setting="s", phase="single", round=n, speed=speed, messages=100.0 * speed, p50=10 / speed
        )
        for n, speed in enumerate((1.0, 2.0, 4.0), 1)
    ]
    (row,) = rows(phases)
    assert row.messages == 200.0
    assert row.p50 == 5.0
