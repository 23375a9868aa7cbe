"""How often the always-valid test errs, and how soon it finds a bad model: `python -m training.evaluation.sequential`.

Labels of legitimate messages are drawn for two arms, folded bucket by bucket into `pipeline.evidence`, and looked at
after every label: the e-value moves when a bucket closes, so that is looking after every bucket. Runs are columns of
arrays; the likelihood ratios are those that serving computes, once for each different bucket.
"""

import argparse
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.evidence import ALTERNATIVES, Bucket, Count, Logs, log_ratios
from training.evaluation.markdown import NONE, figure, table
from training.intervals import share as share_of

Counts = NDArray[np.int64]

ALPHA = 0.05
GUARDED = 3  #: rates that share the alpha of the guardrails
NEVER = -1
_CHUNK = 250  #: runs at once: memory
_Z, _POWER_Z = 1.959964, 0.841621  #: quantiles of the normal distribution, 97.5 and 80 %


class Stage(msgspec.Struct, frozen=True):
    """Labels that arrive while nothing changes."""

    labels: int  #: of both arms together
    share: float  #: of the treatment, 0-1
    control: float  #: rate of bad events, 0-1
    treatment: float


class Scenario(msgspec.Struct, frozen=True):
    name: str
    stages: tuple[Stage, ...]
    bucket: int = 100  #: labels until one closes


class Drawn(msgspec.Struct, frozen=True):
    """int64[runs, buckets] each."""

    rows: tuple[Counts, Counts]  #: control, treatment
    events: tuple[Counts, Counts]


class Alarms(msgspec.Struct, frozen=True):
    """int64[runs] each: labels of both arms until the first alarm, NEVER for none."""

    either: Counts  #: two-sided, at 1 / alpha: the report
    more: Counts  #: one-sided, at GUARDED / alpha: the guardrail
    naive: Counts  #: two-sided z-test of the totals at 5 %, taken at every look: what not to do


def simulate(scenario: Scenario, runs: int, seed: int = 0) -> Alarms:
    """Every run from its first label to its last, looked at after each."""
    parts = [
        _alarms(draw(scenario, min(_CHUNK, runs - start), np.random.default_rng([seed, start])), scenario.bucket)
        for start in range(0, runs, _CHUNK)
    ]
    either, more, naive = (np.concatenate([getattr(part, name) for part in parts]) for name in Alarms.__struct_fields__)
    return Alarms(either, more, naive)


def draw(scenario: Scenario, runs: int, rng: np.random.Generator) -> Drawn:
    """Labels fall to the treatment by its share, each an event by the arm's rate."""
    stages = [stage for stage in scenario.stages for _ in range(stage.labels // scenario.bucket)]
    columns = {name: np.array([getattr(stage, name) for stage in stages]) for name in ("share", "control", "treatment")}
    treated = rng.binomial(scenario.bucket, columns["share"], (runs, len(stages)))
    others = scenario.bucket - treated
    events = rng.binomial(others, columns["control"]), rng.binomial(treated, columns["treatment"])
    return Drawn((others, treated), events)


def ratios(drawn: Drawn) -> Logs:
    """float64[runs, buckets, alternatives]: log-likelihood ratios of every bucket by itself."""
    cells = np.stack([*drawn.events, *drawn.rows], axis=-1)
    kinds, which = np.unique(cells.reshape(-1, 4), axis=0, return_inverse=True)
    each = [log_ratios(Bucket(Count(a, rows_a), Count(b, rows_b))) for a, b, rows_a, rows_b in kinds.tolist()]
    return np.array(each)[which.reshape(cells.shape[:-1])]


def mixed(logs: Logs) -> Logs:
    """Log of the mean over the last axis."""
    most = logs.max(axis=-1)
    return np.asarray(most + np.log(np.exp(logs - most[..., None]).mean(axis=-1)))


def clustered(runs: int, seed: int = 0, *, sticky: bool, first: bool) -> int:
    """A/A runs with an alarm where a few senders send most messages and every twentieth sender is always flagged.

    Args:
        sticky: all messages of a sender go to one arm; else each is drawn for itself.
        first: count the first label of each sender alone; else every label.
    """
    rngs = (np.random.default_rng([seed, run]) for run in range(runs))
    logs = [mixed(np.cumsum(ratios(_by_sender(rng, sticky=sticky, first=first)), axis=1)).max() for rng in rngs]
    return int(np.sum(np.array(logs) >= np.log(1 / ALPHA)))


def _by_sender(rng: np.random.Generator, *, sticky: bool, first: bool, senders: int = 400, bucket: int = 10) -> Drawn:
    """One run of 20,000 labels, in buckets. Volumes follow Zipf's law."""
    volume = 1 / np.arange(1, senders + 1)
    sender = rng.choice(senders, 20_000, p=volume / volume.sum())
    flagged, treated = (rng.random(senders) < 0.05)[sender], (rng.random(senders) < 0.5)[sender]
    if not sticky:
        treated = rng.random(len(sender)) < 0.5
    kept = np.sort(np.unique(sender, return_index=True)[1]) if first else np.arange(len(sender))
    kept = kept[: len(kept) // bucket * bucket].reshape(1, -1, bucket)
    event, arm = flagged[kept], treated[kept]
    return Drawn(
        rows=((~arm).sum(axis=2), arm.sum(axis=2)),
        events=((event & ~arm).sum(axis=2), (event & arm).sum(axis=2)),
    )


def fixed_size(stage: Stage) -> float:
    """Labels of both arms that a two-sided z-test at 5 %, looked at once, needs to find the difference 4 times in 5."""
    variance = stage.control * (1 - stage.control) / (1 - stage.share)
    variance += stage.treatment * (1 - stage.treatment) / stage.share
    return (_Z + _POWER_Z) ** 2 * variance / (stage.treatment - stage.control) ** 2


def _alarms(drawn: Drawn, bucket: int) -> Alarms:
    logs = np.cumsum(ratios(drawn), axis=1)
    worse = mixed(logs[..., len(ALTERNATIVES) // 2 :])
    return Alarms(
        either=_first(mixed(logs) >= np.log(1 / ALPHA), bucket),
        more=_first(worse >= np.log(GUARDED / ALPHA), bucket),
        naive=_first(_naive(drawn), bucket),
    )


def _first(alarm: NDArray[np.bool_], bucket: int) -> Counts:
    return np.where(alarm.any(axis=1), (alarm.argmax(axis=1) + 1) * bucket, NEVER)


def _naive(drawn: Drawn) -> NDArray[np.bool_]:
    """Whether the z-test of the totals so far says that the rates differ, once five events are there."""
    (control, treated), (calm, bad) = (np.cumsum(pair, axis=2) for pair in (drawn.rows, drawn.events))
    pooled = (calm + bad) / (control + treated)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = bad / treated - calm / control
        z = gap / np.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / control))
    return np.asarray((np.abs(z) > _Z) & (calm + bad >= 5))


def _steady(labels: int, share: float, control: float, treatment: float, bucket: int = 100) -> Scenario:
    return Scenario(f"{control:.1%}, {share:.0%} of the traffic", (Stage(labels, share, control, treatment),), bucket)


def _ramp(*rates: float) -> Scenario:
    shares = (0.01, 0.05, 0.25, 0.5)
    stages = tuple(Stage(5_000, share, rate, rate) for share, rate in zip(shares, rates, strict=True))
    return Scenario(f"ramp of 1, 5, 25, 50 %; {rates[0]:.1%} drifts to {rates[-1]:.1%}", stages)


ALIKE: tuple[Scenario, ...] = (
    *(_steady(20_000, share, rate, rate) for rate in (0.005, 0.05) for share in (0.01, 0.1, 0.5)),
    msgspec.structs.replace(_steady(5_000, 0.5, 0.05, 0.05, 5), name="5.0%, 50% of the traffic, buckets of 5"),
    _ramp(0.005, 0.01, 0.02, 0.05),
    _ramp(0.05, 0.02, 0.01, 0.005),
)
WORSE: tuple[Scenario, ...] = tuple(
    _steady(labels, share, rate, rate + 0.01)
    for rate in (0.001, 0.005, 0.02)
    for share, labels in ((0.01, 200_000), (0.1, 60_000), (0.5, 30_000))
)


def _alike_rows(scenarios: Sequence[Scenario], runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    for scenario in scenarios:
        found = simulate(scenario, runs, seed)
        alarms = (found.either, found.more, found.naive)
        yield scenario.name, *(figure(share_of(int(np.sum(each != NEVER)), runs)) for each in alarms)


def _clustered_rows(runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    ways = (("message, every label", False, False), ("sender, every label", True, False),
            ("sender, the first label of each", True, True))  # fmt: skip
    for name, sticky, first in ways:
        yield name, figure(share_of(clustered(runs, seed, sticky=sticky, first=first), runs))


def _worse_rows(scenarios: Sequence[Scenario], runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    for scenario in scenarios:
        (stage,) = scenario.stages
        found = simulate(scenario, runs, seed).more
        after = np.where(found == NEVER, np.inf, found)  # no median where more than half of the runs never alarm
        median, late = (float(np.quantile(after, part, method="higher")) for part in (0.5, 0.9))
        counts = (median, median * stage.share, late, fixed_size(stage))
        yield scenario.name, figure(share_of(int(np.sum(found != NEVER)), runs)), *(_whole(count) for count in counts)


def _whole(count: float) -> str:
    return f"{count:,.0f}" if np.isfinite(count) else NONE


def main() -> None:
    parser = argparse.ArgumentParser(description="Error and power of the always-valid test.")
    parser.add_argument("--runs", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print(f"Arms alike: share of {chosen.runs} runs with an alarm at any look, %\n")
    alarms = ("FPR, treatment", "report", "guardrail", "z-test at every look")
    print(table(alarms, _alike_rows(ALIKE, chosen.runs, chosen.seed)))
    print("\nArms alike, labels clustered by sender, report, %\n")
    print(table(("sticky by, counted", "alarms"), _clustered_rows(chosen.runs // 4, chosen.seed)))
    print("\nTreatment one point worse: guardrail\n")
    found = ("FPR, treatment", "found, %", "labels, median", "of the treatment", "9 of 10", "z-test, one look")
    print(table(found, _worse_rows(WORSE, chosen.runs, chosen.seed)))


if __name__ == "__main__":
    main()
