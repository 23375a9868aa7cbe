"""Ramps that run by themselves, good models and bad: `python -m training.evaluation.ramping`.

Every hour the labels that arrived are added to the evidence and `pipeline.guardrails` decides, as in production.
"""

import argparse
from collections.abc import Iterator
from typing import Literal

import msgspec
import numpy as np

from pipeline.evidence import Bucket, Count
from pipeline.guardrails import RAMP, Move, Progress, decide
from pipeline.trial import Arm, Span, Trial
from training.evaluation.markdown import NONE, figure, table
from training.intervals import share as share_of

End = Literal["stopped", "complete", "held"]

_HOUR = 3600.0
_END: dict[Move, End] = {"stop": "stopped", "advance": "complete"}


class Traffic(msgspec.Struct, frozen=True):
    """What an hour brings."""

    messages: int = 20_000
    labelled: float = 0.02  #: share 0-1 of the messages that come back labelled legitimate
    control: float = 0.005  #: FPR
    treatment: float = 0.015


class Ride(msgspec.Struct, frozen=True):
    """How a ramp ended."""

    end: End  #: "held": neither stopped nor complete when time ran out
    hours: int
    share: float  #: of the traffic that the treatment had, 0-1
    exposures: int  #: messages that the treatment answered


def ride(traffic: Traffic, rng: np.random.Generator, hours: int = 500) -> Ride:
    """One ramp, from its first hour until it is stopped or complete."""
    trial = Trial(Arm("control/1", Count()), Arm("treatment/2", Count()))
    progress, exposures = Progress(0, 0.0), 0
    for hour in range(1, hours + 1):
        share = RAMP[progress.step].share
        answered = int(rng.binomial(traffic.messages, share))
        bucket = _labels(traffic, share, rng)
        trial, exposures = trial.add(Span(bucket)), exposures + answered
        progress = msgspec.structs.replace(
            progress, exposures=progress.exposures + answered, labelled=progress.labelled + bucket
        )
        decision = decide(trial, progress, now=hour * _HOUR)
        if decision.move == "stop" or decision.share == 1.0:
            return Ride(_END[decision.move], hour, share, exposures)
        if decision.move == "advance":
            progress = Progress(progress.step + 1, hour * _HOUR)
    return Ride("held", hours, share, exposures)


def _labels(traffic: Traffic, share: float, rng: np.random.Generator) -> Bucket:
    labels = int(rng.poisson(traffic.messages * traffic.labelled))
    treated = int(rng.binomial(labels, share))
    return Bucket(
        Count(int(rng.binomial(labels - treated, traffic.control)), labels - treated),
        Count(int(rng.binomial(treated, traffic.treatment)), treated),
    )


def _rows(runs: int, seed: int) -> Iterator[tuple[str, ...]]:
    for control, treatment in _RATES:
        traffic = Traffic(control=control, treatment=treatment)
        rides = [ride(traffic, np.random.default_rng([seed, run])) for run in range(runs)]
        stopped, complete = ([each for each in rides if each.end == end] for end in ("stopped", "complete"))
        yield (
            f"{control:.1%}, {treatment:.1%}",
            figure(share_of(len(stopped), runs)),
            _quantiles([each.hours for each in stopped]),
            _quantiles([each.exposures for each in stopped]),
            figure(share_of(len(complete), runs)),
            _quantiles([each.hours for each in complete]),
        )


#: FPR of the control and of the treatment.
_RATES = ((0.005, 0.005), (0.02, 0.02), (0.02, 0.01), (0.001, 0.011), (0.005, 0.015), (0.02, 0.03), (0.005, 0.055))


def _quantiles(values: list[int]) -> str:
    if not values:
        return NONE
    middle, late = np.quantile(np.array(values), (0.5, 0.9), method="higher")
    return f"{middle:,.0f} ({late:,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Ramps that run by themselves.")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    print("Hours and messages that the treatment answered: median (9 of 10 ramps)\n")
    columns = ("FPR: control, treatment", "stopped, %", "hours", "messages", "complete, %", "hours")
    print(table(columns, _rows(chosen.runs, chosen.seed)))


if __name__ == "__main__":
    main()
