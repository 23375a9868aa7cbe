"""A candidate gets traffic only where nobody has changed the spam experiment since its run was planned."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from configs.settings import Models
from deployments.cli import retrain_ramp
from pipeline import changes
from pipeline.errors import Conflict
from pipeline.ramps import Ramp
from pipeline.routing import Experiment
from pipeline.trail import Setup
from tests.support.api_server import KEY, ApiServer
from training.retrain.plan import Plan

PLAN = Plan(
    serving="distilbert/1",
    serving_trees="lightgbm/1",
    net="distilbert/2",
    trees="lightgbm/2",
    until=datetime(2026, 3, 2, tzinfo=UTC),
    since=None,
    messages=300,
    news=300,
    left_out=0,
    revision=1,
)


def ramp_by_a_colleague(old: Experiment) -> Experiment:
    return changes.start_ramp(old, Ramp("distilbert/7"))


def arms_by_hand(old: Experiment) -> Experiment:
    return changes.put(old, Setup({"distilbert/1": 9.0, "distilbert/7": 1.0}))


def promotion(old: Experiment) -> Experiment:
    return changes.promote(old, "distilbert/7")


def ramp_that_is_over(old: Experiment) -> Experiment:
    return changes.stop(ramp_by_a_colleague(old), "distilbert/7")


CHANGES = [
    (ramp_by_a_colleague, "a ramp of distilbert/7 is under way"),
    (arms_by_hand, "distilbert/1 shares the traffic with other versions"),
    (promotion, "the gates were held against distilbert/1, and distilbert/7 serves"),
    (ramp_that_is_over, "is at revision 3, and was at 1 when the run was planned"),
]


def start(api: ApiServer, plan: Plan = PLAN) -> None:
    retrain_ramp.start(plan, 5, api.url, KEY, Path("nowhere"))


def test_where_nothing_changed_it_gets_one_percent(api: ApiServer) -> None:
    start(api)
    assert api.experiment.arms == {"distilbert/1": pytest.approx(0.99), "distilbert/2": pytest.approx(0.01)}
    assert api.bodies("/v1/experiments/spam/ramp")[0]["revision"] == 1


@pytest.mark.parametrize(("change", "words"), CHANGES, ids=lambda value: getattr(value, "__name__", ""))
def test_what_somebody_did_meanwhile_stays(
    api: ApiServer, change: Callable[[Experiment], Experiment], words: str
) -> None:
    api.experiment = changed = change(api.experiment)
    with pytest.raises(Conflict, match=f"distilbert/2 is published and gets no traffic: .*{words}"):
        start(api)
    assert api.experiment == changed


def test_what_somebody_does_at_the_last_moment_stays(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrain_ramp, "obstacle", lambda plan, now: "")
    api.experiment = changed = arms_by_hand(api.experiment)
    with pytest.raises(
        Conflict, match="gets no traffic: the experiment is at revision 2, not 1; `winnow experiments ramp"
    ):
        start(api)
    assert api.experiment == changed


def test_an_answer_that_was_lost_is_no_conflict(api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_the_next(plan: Plan, now: Experiment) -> str:
        api.faults.append("lost")
        return ""

    monkeypatch.setattr(retrain_ramp, "obstacle", lose_the_next)
    start(api)
    assert len(api.bodies("/v1/experiments/spam/ramp")) == 2
    assert api.experiment.ramp is not None
    assert (api.experiment.ramp.version, api.experiment.revision) == ("distilbert/2", 2)


def test_without_an_experiment_the_default_version_serves() -> None:
    default, nothing = Models().transformers[0], changes.nothing("spam", "")
    plan = msgspec.structs.replace(PLAN, serving=default, revision=0)
    assert retrain_ramp.control(nothing) == default
    assert retrain_ramp.obstacle(plan, nothing) == ""
    assert "and was at 4" in retrain_ramp.obstacle(msgspec.structs.replace(plan, revision=4), nothing)
