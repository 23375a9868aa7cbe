import pytest

from tests.support.api_server import ApiServer
from tests.support.winnow import Winnow


def test_the_weights_in_force_are_listed(online: Winnow):
    heading, row = online("experiments", "list").stdout.splitlines()
    assert heading.split() == ["task", "revision", "sticky", "by", "weights"]
    assert row.split() == ["spam", "1", "sender", "distilbert/1", "100%"]


def test_no_experiment_is_said(online: Winnow, api: ApiServer):
    api.arms = {}
    assert "no experiment runs" in online("experiments", "list").stdout


def test_weights_are_set(online: Winnow, api: ApiServer):
    words = ("distilbert/2=90", "distilbert/1=10", "--sticky-by", "message", "--revision", "1", "--why", "canary")
    done = online("experiments", "set", "spam", *words)
    assert done.exit_code == 0
    assert "distilbert/2 90%, distilbert/1 10%" in done.stdout
    assert api.bodies("/v1/experiments/spam") == [
        {
            "arms": {"distilbert/2": 90.0, "distilbert/1": 10.0},
            "sticky_by": "message",
            "revision": 1,
            "why": "canary",
        }
    ]


def test_what_the_server_refuses_is_named(online: Winnow):
    stale = online("experiments", "set", "spam", "distilbert/1=1", "--revision", "7")
    assert (stale.exit_code, stale.stderr) == (1, "error: the experiment is at revision 1, not 7\n")
    unknown = online("experiments", "set", "spam", "bert/1=1")
    assert unknown.exit_code == 1
    assert "$.arms['bert/1']" in unknown.stderr


@pytest.mark.parametrize("weights", [["distilbert/1"], ["=1"], ["distilbert/1=much"], ["a/1=1", "a/1=2"], []])
def test_weights_that_make_no_sense_are_never_sent(online: Winnow, api: ApiServer, weights: list[str]):
    assert online("experiments", "set", "spam", *weights).exit_code == 2
    assert not api.requests
