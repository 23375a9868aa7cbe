import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.course import (
    Course,
    EvidenceSettings,
    Order,
    Seen,
    at_step,
    decision,
    last_end,
    next_end,
    opened,
    order,
    settles_at,
    total,
    with_labels,
    with_requests,
    with_settled,
)
from pipeline.evidence import Bucket, Count
from pipeline.guardrails import Limits, Progress, Step
from pipeline.judgement import Label
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.trial import Arm, Span

NOW = 1_000_000.0
OLD, NEW = "net/3", "net/4"
BAD = Bucket(Count(2, 500), Count(40, 500))
RAMP = Ramp(NEW, (Step(0.1, labels=2), Step(0.5), Step(1.0)), Limits(), 0, NOW - 10)


def experiment(**changes: object) -> Experiment:
    plain = Experiment("spam", {OLD: 0.5, NEW: 0.5}, "sender", "salt", 7, control=OLD, began={NEW: 3})
    return msgspec.structs.replace(plain, **changes)


def course(found: Experiment | None = None, seen: dict[str, Seen] | None = None) -> Course:
    return opened(found or experiment(), NEW, NOW, seen or {}, EvidenceSettings())


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
    found = course(seen={OLD: Seen(Count(1, 90), Count(1, 9)), NEW: Seen(Count(0, 10), Count(0, 2))})
    assert (found.began, found.settled_until, found.labels_until) == (3, 999_960.0, 997_200.0)
    assert found.trial.failures.control == Count()
    assert (found.trial.control.requests, found.trial.control.units) == (Count(1, 90), Count(1, 9))


def test_requests_are_what_came_since_the_last_bucket() -> None:
    before = course(seen={OLD: Seen(Count(1, 90), Count(1, 9))})
    control, treatment = Arm(OLD, Count(31, 190), units=Count(2, 19)), Arm(NEW, Count(20, 40), 55.0, Count(1, 4))
    after, closed = with_requests(before, control, treatment, NOW)
    assert closed.failures == Bucket(Count(1, 10), Count(1, 4))  # units
    assert after.progress.exposures == 40  # messages
    assert (after.failures_until, after.trial.treatment.p99_ms) == (NOW, 55.0)
    again, nothing = with_requests(after, control, treatment, NOW + 60)
    assert nothing.failures == Bucket()
    assert again.trial.failures == after.trial.failures


def test_a_failed_batch_of_two_hundred_stops_nobody() -> None:
    control, treatment = Arm(OLD, Count(0, 3_800), units=Count(0, 3_800)), Arm(NEW, Count(200, 200))
    treatment = msgspec.structs.replace(treatment, units=Count(200, 200))
    after, _ = with_requests(course(), control, treatment, NOW)
    assert after.trial.failures.treatment == Count(200, 200)
    assert order(experiment(), after, NOW) is None


def test_counts_of_another_database_are_no_evidence() -> None:
    before = course(seen={arm: Seen(Count(5, 90), Count(5, 90)) for arm in (OLD, NEW)})
    _, closed = with_requests(before, Arm(OLD, Count(), units=Count(0, 3)), Arm(NEW, Count(), units=Count(0, 100)), NOW)
    assert closed.failures == Bucket(Count(), Count(0, 10))


def test_what_was_counted_long_ago_is_settled_and_not_read_again() -> None:
    found = course()
    assert settles_at(found, NOW + 2 * 3600) is None
    end = settles_at(found, NOW + 3 * 3600)
    assert end == found.settled_until + 3600
    settled = with_settled(found, {NEW: Seen(Count(1, 5), Count(1, 2))}, end)
    again = with_settled(settled, {NEW: Seen(Count(0, 5), Count(0, 2)), OLD: Seen(Count(0, 7))}, end + 3600)
    assert again.settled_until == end + 3600
    assert total(again, {NEW: Seen(Count(2, 3), Count(1, 1))}) == {
        OLD: Seen(Count(0, 7)),
        NEW: Seen(Count(3, 13), Count(2, 5)),
    }


def test_labels_are_told_apart_by_tenant() -> None:
    rows = [
        Label(f"{nth}", arm, 7, "ham", {"spam": said}, tenant)
        for nth, (tenant, arm, said) in enumerate(
            [("a", OLD, "ham"), ("a", NEW, "spam"), ("b", NEW, "ham"), ("c", NEW, "ham"), ("c", OLD, "ham")]
        )
    ]
    found, closed = with_labels(course(), rows, NOW)
    assert closed.false_alarms == Bucket(Count(0, 2), Count(1, 3))
    assert found.progress.tenants == {
        "a": Bucket(Count(0, 1), Count(1, 1)),
        "b": Bucket(Count(), Count(0, 1)),
        "c": Bucket(Count(0, 1), Count(0, 1)),
    }
    whole, *without = found.trial.views("false alarms")
    assert whole == found.trial.false_alarms
    fresh, _ = with_labels(course(), [each for each in rows if each.tenant != "a"], NOW)
    left = next(view for view in without if not view.treatment.events)
    assert (left.control, left.treatment) == (Count(0, 1), Count(0, 2))
    assert left.log_ratios == pytest.approx(fresh.trial.false_alarms.log_ratios)


def test_tenants_that_are_told_apart_are_few() -> None:
    rows = [
        Label(f"{tenant}{nth}", NEW, 7, "ham", {"spam": "ham"}, f"t{tenant}")
        for tenant in range(20)
        for nth in range(tenant + 1)
    ]
    found, _ = with_labels(course(), rows, NOW)
    assert set(found.progress.tenants) == {f"t{tenant}" for tenant in range(12, 20)}
    assert len(found.trial.tenants) == 8


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
