"""How often failures that come in clumps stop an equal version: `python -m training.evaluation.outages`.

Minutes of traffic, sticky by sender, volumes by Zipf's law, with whatever fails in clumps: a batch of one arm, a stage
that is away for a while, a bulk of one sender, senders whose messages always fail. Counted as `pipeline.tally` does and
judged as `pipeline.trial` does, beside what was done at first: every message a draw of its own, by Fisher's test.
"""

import argparse
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.evidence import Bucket, Count, Evidence, Logs, log_bets, log_ratios
from pipeline.guardrails import Limits, stops_at
from training.evaluation.markdown import NONE, figure, table
from training.intervals import share as share_of

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEVER = -1


class Traffic(msgspec.Struct, frozen=True):
    """Chances are those of a minute, parts those of its messages."""

    name: str
    share: float = 0.05  #: of the senders, on the treatment, 0-1
    senders: int = 2_000
    messages: float = 1_000.0  #: a minute
    rate: float = 0.001  #: of messages that fail by themselves, one by one
    worse: float = 0.0  #: the treatment's rate less the control's
    batch: float = 0.0  #: chance that one batch fails: 200 messages of one arm, or all that there are
    outage: float = 0.0  #: chance that a stage is away for two seconds, for both arms
    away: float = 0.0  #: chance, of each arm for itself, that its version is away for twenty seconds
    bulk: float = 0.0  #: chance that a bulk of 500 messages of one sender fails
    stuck: float = 0.0  #: share of senders whose messages always fail


class Stops(NamedTuple):
    """int64[runs]: the minute in which the guardrail stopped the treatment, NEVER for none."""

    messages: Counts  #: every message counted
    units: Counts  #: as served


def simulate(traffic: Traffic, runs: int, minutes: int = 600, seed: int = 0) -> Stops:
    """Runs of so many minutes, looked at after each."""
    found = [_run(traffic, minutes, np.random.default_rng([seed, run])) for run in range(runs)]
    messages, units = (np.array(each) for each in zip(*found, strict=True))
    return Stops(messages, units)


def minutes_of(traffic: Traffic, minutes: int, rng: np.random.Generator) -> Iterator[tuple[Bucket, Bucket]]:
    """Of every minute what was counted by message, and by unit."""
    treated, stuck = rng.random(traffic.senders) < traffic.share, rng.random(traffic.senders) < traffic.stuck
    volume = 1 / np.arange(1, traffic.senders + 1)
    volume *= traffic.messages / volume.sum()
    spent = np.zeros(traffic.senders, dtype=bool)
    for _ in range(minutes):
        sent = rng.poisson(volume)
        failed = rng.binomial(sent, np.where(stuck, 1.0, _risk(traffic, sent, treated, rng)))
        if rng.random() < traffic.bulk:
            whose = rng.integers(traffic.senders)
            sent[whose] += 500
            failed[whose] += 500
        seen = (sent > 0) & ~spent
        fell = seen & (failed > 0)
        spent |= fell
        yield _bucket(sent, failed, treated), _bucket(seen, fell, treated)


def _risk(traffic: Traffic, sent: Counts, treated: Flags, rng: np.random.Generator) -> NDArray[np.float64]:
    """float64[senders]: share of each one's messages that fails this minute."""
    risk = np.where(treated, traffic.rate + traffic.worse, traffic.rate)
    if rng.random() < traffic.outage:
        risk = risk + 2 / 60
    for arm in (treated, ~treated):
        if rng.random() < traffic.away:
            risk = risk + arm * (20 / 60)
    if rng.random() < traffic.batch:
        arm = treated if rng.random() < traffic.share else ~treated  # as many batches as messages
        risk = risk + arm * (200 / max(200, int(sent[arm].sum())))
    return np.minimum(1.0, risk)


def _bucket(rows: Counts | Flags, events: Counts | Flags, treated: Flags) -> Bucket:
    control, treatment = (Count(int(events[arm].sum()), int(rows[arm].sum())) for arm in (~treated, treated))
    return Bucket(control, treatment)


def _run(traffic: Traffic, minutes: int, rng: np.random.Generator) -> tuple[int, int]:
    both = list(minutes_of(traffic, minutes, rng))
    return _stop([by for by, _ in both], log_ratios), _stop([by for _, by in both], log_bets)


def _stop(buckets: list[Bucket], ratios: Callable[[Bucket], Logs]) -> int:
    """The first minute after which a guardrail stops the treatment."""
    evidence, most = Evidence(), stops_at(Limits())
    for minute, bucket in enumerate(buckets, start=1):
        evidence = evidence.add(bucket, ratios)
        if evidence.more >= most:
            return minute
    return NEVER


def _alike() -> Iterator[Traffic]:
    for share in (0.05, 0.5):
        at = f", {share:.0%} of the senders"
        yield Traffic(f"one by one{at}", share)
        yield Traffic(f"a batch fails every hour{at}", share, batch=1 / 60)
        yield Traffic(f"two seconds without a stage, every hour{at}", share, outage=1 / 60)
        yield Traffic(f"each version away for 20 s, every two hours{at}", share, away=1 / 120)
        yield Traffic(f"a bulk fails every hour{at}", share, bulk=1 / 60)
        yield Traffic(f"every fiftieth sender always fails{at}", share, stuck=0.02)
        yield Traffic(f"all of that{at}", share, batch=1 / 60, outage=1 / 60, away=1 / 120, bulk=1 / 60, stuck=0.02)


def _worse() -> Iterator[Traffic]:
    for share in (0.05, 0.5):
        for worse in (0.01, 0.05, 0.2, 0.999):
            name = f"{100 * worse:.3g} points more, {share:.0%} of the senders"
            yield Traffic(name, share, worse=worse, batch=1 / 60, outage=1 / 60)


def _alike_rows(runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    for traffic in _alike():
        found = simulate(traffic, runs, seed=seed)
        yield traffic.name, *(figure(share_of(int(np.sum(each != NEVER)), runs)) for each in found)


def _worse_rows(runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    for traffic in _worse():
        found = simulate(traffic, runs, seed=seed).units
        after = np.where(found == NEVER, np.inf, found)
        late = (float(np.quantile(after, part, method="higher")) for part in (0.5, 0.9))
        times = (f"{minute:,.0f}" if np.isfinite(minute) else NONE for minute in late)
        yield traffic.name, figure(share_of(int(np.sum(found != NEVER)), runs)), *times


def main() -> None:
    parser = argparse.ArgumentParser(description="Failures in clumps: error and power of their guardrail.")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("Arms alike: share of runs of ten hours that the guardrail stops, %\n")
    print(table(("what fails", "every message counted", "as served"), _alike_rows(chosen.runs, chosen.seed)))
    print("\nTreatment worse: stopped within ten hours, %, and minutes until then\n")
    print(table(("fails", "stopped, %", "median", "9 of 10"), _worse_rows(max(1, chosen.runs // 5), chosen.seed)))


if __name__ == "__main__":
    main()
