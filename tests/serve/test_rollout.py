"""The whole show in a few minutes: new versions come, replicas die, Postgres goes away, and no request fails."""

import asyncio

import pytest

from loadtests.rollout.outcome import Outcome
from loadtests.rollout.site import opened
from loadtests.rollout.story import Plan, tell
from loadtests.rollout.versions import DAMAGED, FIRST, SECOND, SPOILED

PLAN = Plan(seconds=4.0, callers=8, rate=60.0, away_s=3.0)


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    with opened() as site:
        return asyncio.run(tell(site, PLAN))


@pytest.mark.timeout(600)  # a start, and a replacement of two replicas
def test_nothing_of_what_must_hold_is_broken(outcome: Outcome) -> None:
    assert outcome.broken(in_time=False) == []


def test_every_command_was_seen_in_verdicts(outcome: Outcome) -> None:
    assert [change.name for change in outcome.changes] == ["0 %", "10 %", "50 %", "rollback", "promote"]
    assert [change.revision for change in outcome.changes] == [1, 2, 3, 4, 5]
    seen = [{arm for arm, count in change.senders.items() if count} for change in outcome.changes]
    assert seen == [{FIRST}, {FIRST, SECOND}, {FIRST, SECOND}, {FIRST}, {SECOND}]


def test_damaged_versions_are_refused_by_name_and_never_answer(outcome: Outcome) -> None:
    assert {each.version for each in outcome.refusals} == {DAMAGED, SPOILED}
    for each in outcome.refusals:
        assert each.words == f"$.arms['{each.version}'] model.onnx of {each.version} does not match its checksum"
    assert {ref for ref in outcome.named if ref.startswith("distilbert/")} == {FIRST, SECOND}


def test_replicas_were_killed_and_replaced(outcome: Outcome) -> None:
    assert [each.deployment for each in outcome.deaths] == ["Ingress", "DistilBert"]
    assert outcome.deaths[1].ready_s is not None


def test_feedback_waited_in_the_spool_while_postgres_was_away(outcome: Outcome) -> None:
    (away,) = (phase for phase in outcome.phases if phase.name == "50 %, Postgres stopped")
    assert away.feedback["spooled"] > 0
    assert away.timing.count > 0
    assert outcome.labels.hold
