import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.course import (
    Course,
    EvidenceSettings,
    Latencies,
    Order,
    at_step,
    decision,
    last_end,
    next_end,
    opened,
    order,
    recent_p99_ms,
    with_labels,
    with_requests,
)
from pipeline.evidence import Bucket, Count
from pipeline.guardrails import Limits, Progress, Step
from pipeline.judgement import Label
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.tally import BOUNDS
from pipeline.trial import Arm, Span

NOW = 1_000_000.0
OLD, NEW = "net/3", "net/4"
BAD = Bucket(Count(2, 500), Count(40, 500))
RAMP = Ramp(NEW, (Step(0.1, labels=2), Step(0.5), Step(1.0)), Limits(), 0, NOW - 10)


def experiment(**changes: object) -> Experiment:
    plain = Experiment("spam", {OLD: 0.5, NEW: 0.5}, "sender", "salt", 7, control=OLD, began={NEW: 3})
    return msgspec.structs.replace(plain, **changes)


def course(found: Experiment | None = None, requests: dict[str, Count] | None = None) -> Course:
    return opened(found or experiment(), NEW, NOW, requests or {}, EvidenceSettings())


def labels(*rows: tuple[str, int, str]) -> list[Label]:
    """Of legitimate messages: arm, revision, and what was said."""
    return [Label(f"{nth}", arm, revision, "ham", {"spam": said}) for nth, (arm, revision, said) in enumerate(rows)]


@given(st.floats(1.0, 2e9), st.sampled_from([1.0, 0.25, 60.0, 3600.0]))
def test_buckets_end_at_whole_multiples_and_follow_each_other(now: float, width: float) -> None:
    end = last_end(now, width)
    assert end <= now + 1e-6 * width
    assert now < next_end(end, width) + 1e-6
    assert next_end(end, width) == pytest.approx(end + width)


def test_a_course_begins_without_evidence() -> None:
    found = course(requests={OLD: Count(1, 90), NEW: Count(0, 10)})
    assert (found.began, found.trial.since, found.labels_until) == (3, 999_960.0, 997_200.0)
    assert found.trial.failures.control == Count()
    assert found.trial.control.requests == Count(1, 90)


def test_requests_are_what_came_since_the_last_bucket() -> None:
    before = course(requests={OLD: Count(1, 90)})
    after, closed = with_requests(before, Arm(OLD, Count(3, 190)), Arm(NEW, Count(1, 40), 55.0), NOW)
    assert closed.failures == Bucket(Count(2, 100), Count(1, 40))
    assert (after.progress.exposures, after.failures_until, after.trial.treatment.p99_ms) == (40, NOW, 55.0)
    again, nothing = with_requests(after, Arm(OLD, Count(3, 190)), Arm(NEW, Count(1, 40)), NOW + 60)
    assert nothing.failures == Bucket()
    assert again.trial.failures == after.trial.failures


def test_counts_of_another_database_are_no_evidence() -> None:
    before = course(requests={OLD: Count(5, 90), NEW: Count(5, 90)})
    _, closed = with_requests(before, Arm(OLD, Count(0, 3)), Arm(NEW, Count(0, 100)), NOW)
    assert closed.failures == Bucket(Count(), Count(0, 10))


def test_labels_of_messages_before_the_step_are_evidence_but_no_progress() -> None:
    ramped = experiment(ramp=RAMP)
    found, closed = with_labels(course(ramped), labels((OLD, 5, "ham"), (NEW, 5, "spam"), (NEW, 7, "ham")), NOW)
    assert closed.false_alarms == Bucket(Count(0, 1), Count(1, 2))
    assert found.trial.false_alarms.treatment == Count(1, 2)
    assert found.progress.labelled == Bucket(Count(), Count(0, 1))
    assert found.labels_until == NOW


def test_a_step_begins_anew_and_only_then() -> None:
    first = experiment(ramp=RAMP)
    known, _ = with_labels(course(first), labels((NEW, 7, "ham")), NOW)
    assert at_step(known, first) is known
    second = experiment(ramp=msgspec.structs.replace(RAMP, step=1, since=NOW), revision=8)
    moved = at_step(known, second)
    assert moved.progress == Progress(1, NOW, revision=8)
    assert moved.trial == known.trial
    ended = at_step(moved, experiment(revision=9))
    assert ended.progress == Progress(0, 0.0, revision=9)
    assert at_step(ended, experiment(revision=9)) is ended


def test_a_ramp_goes_on_when_it_has_seen_enough_and_ends_in_a_promotion() -> None:
    ramped = experiment(ramp=RAMP)
    waiting = course(ramped)
    assert order(ramped, waiting, NOW) is None
    told = decision(ramped, waiting, NOW)
    assert told and told.reason == "0 of 2 labels of legitimate messages at 10% of the traffic"
    ready, _ = with_labels(waiting, labels((NEW, 7, "ham"), (NEW, 7, "ham")), NOW)
    found = order(ramped, ready, NOW)
    assert found and found.act == "advance"
    last = experiment(ramp=msgspec.structs.replace(RAMP, step=2, since=NOW))
    assert order(last, at_step(ready, last), NOW) == Order("promote", "the ramp is complete")


def worse(of: Course) -> Course:
    return msgspec.structs.replace(of, trial=of.trial.add(Span(false_alarms=BAD)))


@pytest.mark.parametrize("ramp", [None, RAMP])
def test_guardrails_hold_with_a_ramp_and_without(ramp: Ramp | None) -> None:
    found = order(experiment(ramp=ramp), worse(course(experiment(ramp=ramp))), NOW)
    assert found and found.act == "stop"
    assert found.reason.startswith(f"{NEW} flags more legitimate messages than {OLD} (8.0 % against 0.4 %), e-value")


def test_who_has_no_traffic_is_not_stopped_again() -> None:
    assert order(experiment(arms={OLD: 1.0, NEW: 0.0}), worse(course()), NOW) is None


def minute(arm: str, number: int, count: int, seconds: float) -> Latencies:
    latency = [0] * (len(BOUNDS) + 1)
    latency[next(i for i, bound in enumerate(BOUNDS) if bound >= seconds)] = count
    return Latencies(arm, number, latency)


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
