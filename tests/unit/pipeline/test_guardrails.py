import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.evidence import Bucket, Count, Evidence
from pipeline.guardrails import RAMP, Limits, Progress, Step, decide
from pipeline.trial import Arm, Span, Trial

NOW = 1_000_000.0
BAD = Bucket(Count(2, 500), Count(40, 500))
GOOD = Bucket(Count(2, 500), Count(2, 500))
CALM = Bucket(Count(20, 20_000), Count(20, 20_000))
DAY = 24 * 3600.0


def trial(ours: float | None = 40.0, theirs: float | None = 40.0, broken: int = 0) -> Trial:
    return Trial(Arm("net/3", Count(0, 90_000), theirs), Arm("net/4", Count(0, 5_000), ours, broken=broken))


def at(step: int, **changes: object) -> Progress:
    """Everything that the step asks for is there."""
    done = Progress(step, NOW - 2 * DAY, 1_000_000, CALM)
    return msgspec.structs.replace(done, **changes)


@pytest.mark.parametrize(("step", "share"), [(0, 0.05), (1, 0.25), (2, 1.0)])
def test_a_step_that_saw_enough_leads_to_the_next(step: int, share: float) -> None:
    decision = decide(trial(), at(step), now=NOW)
    assert (decision.move, decision.share) == ("advance", share)
    assert decision.reason == f"no guardrail was hit at {RAMP[step].share:.0%} of the traffic, on to {share:.0%}"


@pytest.mark.parametrize(
    ("step", "lacking", "reason"),
    [
        (0, {"exposures": 999}, "999 of 1000 messages at 1% of the traffic"),
        (0, {"since": NOW - 1800}, "0.5 of 1.0 hours at 1% of the traffic"),
        (0, {"since": NOW + 60}, "0.0 of 1.0 hours at 1% of the traffic"),
        (1, {"labelled": Bucket()}, "0 of 20 labels of legitimate messages at 5% of the traffic"),
        (2, {"since": NOW - DAY + 1}, "24.0 of 24.0 hours at 25% of the traffic"),
    ],
)
def test_a_step_waits_for_what_it_lacks(step: int, lacking: dict[str, object], reason: str) -> None:
    decision = decide(trial(), at(step, **lacking), now=NOW)
    assert (decision.move, decision.share, decision.reason) == ("continue", RAMP[step].share, reason)


def test_all_of_the_traffic_waits_until_more_false_alarms_are_ruled_out() -> None:
    few = Bucket(Count(2, 400), Count(1, 130))
    decision = decide(trial(), at(2, labelled=few), now=NOW)
    assert decision.move == "continue"
    assert decision.reason.endswith("points more false alarms are possible at 25% of the traffic, 1 are not")


def test_a_complete_ramp_ends_in_a_promotion() -> None:
    decision = decide(trial(), at(3), now=NOW)
    assert (decision.move, decision.share, decision.reason) == ("promote", 1.0, "the ramp is complete")


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        (Span(false_alarms=BAD), "net/4 flags more legitimate messages than net/3 (8.0 % against 0.4 %), e-value"),
        (Span(misses=BAD), "net/4 catches less spam than net/3 (92.0 % against 99.6 %), e-value"),
    ],
)
@pytest.mark.parametrize("step", range(len(RAMP)))
def test_a_worse_rate_stops_at_any_step(span: Span, reason: str, step: int) -> None:
    decision = decide(trial().add(span), at(step), now=NOW)
    assert (decision.move, decision.share) == ("stop", 0.0)
    assert decision.reason.startswith(reason)


def test_failures_stop_once_they_lasted() -> None:
    found, minutes = trial(), 0
    while decide(found, at(0), now=NOW).move != "stop":
        found, minutes = found.add(Span(failures=BAD)), minutes + 1
    assert minutes > 30
    reason = "net/4 fails more often than net/3 (8.0 % against 0.4 %), e-value 6"
    assert decide(found, at(0), now=NOW).reason.startswith(reason)
    everything = Bucket(Count(0, 4_000), Count(200, 200))
    assert decide(trial().add(Span(failures=everything)), at(0), now=NOW).move == "advance"  # a batch


def test_a_treatment_that_hardly_answers_stops_after_some_minutes() -> None:
    assert decide(trial(broken=4), at(0), now=NOW).move == "advance"
    stopped = decide(trial(broken=5), at(0), now=NOW)
    assert stopped.move == "stop"
    assert stopped.reason == "net/4 failed most of its messages for 5 minutes in a row, net/3 did not"
    assert decide(trial(broken=5), at(0), now=NOW, limits=Limits(broken_minutes=6)).move == "advance"


def said(loud: Bucket, *quiet: Bucket) -> tuple[Span, dict[str, Span]]:
    """A bucket of false alarms that one loud tenant and some quiet ones labelled, and what it is without each."""
    parts = {"vendor": loud, **{f"quiet{nth}": each for nth, each in enumerate(quiet)}}
    total = sum(parts.values(), Bucket())
    return Span(total), {name: Span(total - part) for name, part in parts.items()}


@pytest.mark.parametrize(("others", "move"), [(0, "stop"), (1, "stop"), (2, "advance"), (20, "advance")])
def test_one_tenant_stops_nothing_where_three_label(others: int, move: str) -> None:
    span, without = said(BAD, *[Bucket(Count(0, 20), Count(0, 20))] * others)
    assert decide(trial().add(span, without), at(0), now=NOW).move == move


def test_a_tenant_that_comes_late_or_often_stops_nothing_either() -> None:
    found = trial()
    for _ in range(5):
        found = found.add(*said(Bucket(), *[GOOD] * 20))
    for _ in range(5):
        found = found.add(*said(BAD, *[GOOD] * 20))
    assert "vendor" in found.tenants  # last by name, first by what it moved
    assert len(found.tenants) == 8
    assert decide(found, at(0), now=NOW).move == "advance"


def test_several_tenants_stop_what_is_worse() -> None:
    assert decide(trial().add(*said(BAD, BAD, BAD)), at(0), now=NOW).move == "stop"


@pytest.mark.parametrize(("tenants", "move"), [(2, "advance"), (3, "continue")])
def test_one_tenant_carries_no_ramp_where_three_label(tenants: int, move: str) -> None:
    parts = dict.fromkeys(("loud", "quiet", "shy")[:tenants], Bucket(Count(0, 40), Count(0, 10)))
    parts["loud"] = CALM
    known = at(2, labelled=sum(parts.values(), Bucket()), tenants=parts)
    heard = {name: Span() for name in parts}
    decision = decide(trial().add(Span(), heard), known, now=NOW)
    assert decision.move == move
    assert move == "advance" or "points more false alarms are possible" in decision.reason


def test_a_better_or_equal_treatment_is_not_stopped() -> None:
    better = Bucket(BAD.treatment, BAD.control)
    for bucket in (better, GOOD):
        assert decide(trial().add(Span(bucket, bucket, bucket)), at(0), now=NOW).move == "advance"


def test_alpha_is_shared_out_among_the_rates() -> None:
    evidence = Evidence()
    while evidence.more < 20:
        evidence = evidence.add(Bucket(Count(0, 100), Count(1, 100)))
    found = msgspec.structs.replace(trial(), false_alarms=evidence)
    assert evidence.more < 60
    assert decide(found, at(0), now=NOW).move == "advance"
    assert decide(found, at(0), now=NOW, limits=Limits(alpha=0.15)).move == "stop"


@pytest.mark.parametrize(
    ("ours", "theirs", "move"),
    [
        (251.0, 100.0, "stop"),
        (250.0, 100.0, "advance"),  # within the limit
        (400.0, 300.0, "advance"),  # everything is slow: it is not the treatment
        (400.0, None, "stop"),
        (None, 100.0, "advance"),  # too few to tell
    ],
)
def test_latency_stops_past_the_limit_and_past_the_control(ours: float | None, theirs: float | None, move: str) -> None:
    assert decide(trial(ours, theirs), at(0), now=NOW).move == move


def test_latency_is_told_with_the_limit() -> None:
    decision = decide(trial(400.0, 100.0), at(0), now=NOW)
    assert decision.reason == "net/4 has a p99 of 400 ms, net/3 100 ms, the limit is 250 ms"


@given(st.floats(0, 1e7), st.integers(0, 10**6), st.integers(0, 3))
def test_time_and_traffic_alone_never_stop_and_deciding_twice_is_deciding_once(
    waited: float, exposures: int, step: int
) -> None:
    progress = at(step, since=NOW - waited, exposures=exposures)
    decision = decide(trial(), progress, now=NOW)
    assert decision.move != "stop"
    assert decision.share >= RAMP[step].share
    assert decision == decide(trial(), progress, now=NOW)


def test_a_last_step_may_ask_for_something_as_well() -> None:
    ramp = (Step(0.5), Step(1.0, dwell_s=3600.0))
    waiting = decide(trial(), Progress(1, NOW - 1800), now=NOW, ramp=ramp)
    assert (waiting.move, waiting.share) == ("continue", 1.0)
    assert decide(trial(), Progress(1, NOW - 3600), now=NOW, ramp=ramp).move == "promote"


def test_intents_have_no_false_alarms_and_ramps_ask_for_purposes() -> None:
    purposes = msgspec.structs.replace(trial(), task="intent")
    waiting = decide(purposes, at(1, labelled=Bucket()), now=NOW)
    assert waiting.reason == "0 of 20 labels of purposes at 5% of the traffic"
    stopped = decide(purposes.add(Span(misses=BAD)), at(0), now=NOW)
    assert stopped.reason.startswith("net/4 names the purpose rightly less often than net/3 (92.0 % against 99.6 %)")


def test_a_ramp_of_ones_own() -> None:
    ramp = (Step(0.5), Step(1.0))
    assert decide(trial(), Progress(0, NOW), now=NOW, ramp=ramp).share == 1.0


@pytest.mark.parametrize(
    "given_", [b'{"share": 0}', b'{"share": 1.5}', b'{"share": 0.1, "labels": -1}', b'{"sahre": 1}']
)
def test_impossible_steps_are_refused(given_: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(given_, type=Step)
