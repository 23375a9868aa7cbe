import sys
from pathlib import Path

import msgspec
import pytest

from deployments.cli import arrival
from pipeline import changes
from pipeline.findings import Report
from pipeline.guardrails import RAMP
from tests.support.api_server import REPORT, ApiServer
from tests.support.winnow import Winnow

PATH = "/v1/experiments/spam"
TWO = ("distilbert/2=90", "distilbert/1=10")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks at what is loaded."""
    monkeypatch.setattr(arrival, "_PAUSE_S", 0.0)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_experiments_are_listed_with_what_their_versions_lack(online: Winnow, api: ApiServer):
    online("experiments", "set", "spam", *TWO, "--shadow", "distilbert/3=0.25")
    api.states.append({"distilbert/2": "loading on 1 of 2 replicas of DistilBert"})
    heading, *rows = online("experiments", "list").stdout.splitlines()
    assert heading.split() == ["task", "revision", "sticky", "by", "version", "traffic", "part", "state"]
    assert [" ".join(row.split()) for row in rows] == [
        "spam 2 sender distilbert/2 90% compared since revision 2 loading on 1 of 2 replicas of DistilBert",
        "spam 2 sender distilbert/1 10% control ready",
        "spam 2 sender distilbert/3 0% shadow, sees a copy of 25% ready",
    ]
    (listed,) = msgspec.json.decode(online("experiments", "list", "--json").stdout)
    assert listed["arms"] == {"distilbert/2": 90, "distilbert/1": 10}


def test_no_experiment_is_said(online: Winnow, api: ApiServer):
    api.experiment = changes.end(api.experiment)
    assert "no experiment runs" in online("experiments", "list").stdout


def test_an_experiment_is_set(online: Winnow, api: ApiServer):
    words = ("--sticky-by", "message", "--control", "distilbert/2", "--shadow", "distilbert/3=0.1", "--revision", "1")
    done = online("experiments", "set", "spam", *TWO, *words, "--why", "canary")
    assert done.exit_code == 0, done.stderr
    assert lines(done.stdout)[1] == ["spam", "2", "message", "distilbert/2", "90%", "control"]
    assert api.bodies(PATH) == [
        {
            "arms": {"distilbert/2": 90.0, "distilbert/1": 10.0},
            "sticky_by": "message",
            "revision": 1,
            "why": "canary",
            "shadow": {"distilbert/3": 0.1},
            "control": "distilbert/2",
        }
    ]


def test_what_the_server_refuses_is_named(online: Winnow):
    stale = online("experiments", "set", "spam", "distilbert/1=1", "--revision", "7")
    assert (stale.exit_code, stale.stderr) == (1, "error: the experiment is at revision 1, not 7\n")
    unknown = online("experiments", "set", "spam", "bert/1=1")
    assert unknown.exit_code == 1
    assert "$.arms['bert/1']" in unknown.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["distilbert/1"],
        ["=1"],
        ["distilbert/1=much"],
        ["a/1=1", "a/1=2"],
        [],
        ["a/1=1", "--shadow", "b/1"],
        ["a/1=1", "--revision", "-1"],
    ],
    ids=str,
)
def test_weights_that_make_no_sense_are_never_sent(online: Winnow, api: ApiServer, words: list[str]):
    assert online("experiments", "set", "spam", *words).exit_code == 2
    assert not api.requests


def test_it_waits_until_the_named_versions_are_ready_and_says_for_what(online: Winnow, api: ApiServer):
    waits = "loading on 2 of 2 replicas of Tokenizer", *["loading on 1 of 2 replicas of DistilBert"] * 2
    api.states.extend({"distilbert/2": state} for state in waits)
    done = online("experiments", "set", "spam", *TWO)
    assert done.exit_code == 0
    assert done.stderr.splitlines() == [f"waiting for distilbert/2: {state}" for state in dict.fromkeys(waits)]
    assert [method for method, _, _ in api.requests] == ["PUT", "GET", "GET", "GET", "GET"]


@pytest.mark.parametrize(
    "command",
    [("set", "spam", *TWO), ("promote", "spam", "distilbert/2"), ("ramp", "spam", "distilbert/2")],
    ids=lambda words: words[0],
)
def test_a_version_that_cannot_be_loaded_is_told_with_the_reason(
    online: Winnow, api: ApiServer, command: tuple[str, ...]
):
    api.states.extend([{"distilbert/2": "loading on 1 of 1 replicas"}, {"distilbert/2": "DistilBert: wrong sha256"}])
    done = online("experiments", *command)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == "error: distilbert/2 cannot be loaded: DistilBert: wrong sha256"
    assert "distilbert/2" in done.stdout, "the change itself was made"


def test_what_another_version_lacks_is_not_waited_for(online: Winnow, api: ApiServer):
    api.states.append({"distilbert/1": "DistilBert: wrong sha256"})
    assert online("experiments", "ramp", "spam", "distilbert/2").exit_code == 0


def test_patience_has_an_end(online: Winnow, api: ApiServer):
    api.states.extend([{"distilbert/2": "loading on 1 of 2 replicas"}] * 1_000)
    done = online("experiments", "promote", "spam", "distilbert/2", "--wait", "0.05")
    assert done.exit_code == 1
    words = "error: not ready after 0.05 s: distilbert/2: loading on 1 of 2 replicas"
    assert done.stderr.splitlines()[-1] == words
    api.requests.clear()
    assert online("experiments", "promote", "spam", "distilbert/2", "--wait", "0").exit_code == 0
    assert [method for method, _, _ in api.requests] == ["POST"]


async def test_a_change_by_somebody_else_ends_the_wait(api: ApiServer):
    from deployments.client import Client
    from pipeline.errors import Conflict
    from tests.support.api_server import KEY

    async with Client(api.url, KEY) as client:
        with pytest.raises(Conflict, match="does not name distilbert/7 any more"):
            await arrival.until_ready(client, "spam", ["distilbert/1", "distilbert/7"], 5.0, print)


def test_promote_roll_back_and_end(online: Winnow, api: ApiServer):
    promoted = online("experiments", "promote", "spam", "distilbert/2", "--revision", "1", "--why", "better")
    assert lines(promoted.stdout)[1:] == [["spam", "2", "sender", "distilbert/2", "100%", "control"]]
    back = online("experiments", "rollback", "spam", "--why", "complaints")
    assert lines(back.stdout)[1:] == [["spam", "3", "sender", "distilbert/0", "100%", "control"]]
    ended = online("experiments", "end", "spam", "--why", "enough")
    assert ended.stdout == "spam: the default version answers everything, revision 4\n"
    nothing = online("experiments", "end", "spam")
    assert (nothing.exit_code, nothing.stderr) == (1, "error: there is no experiment for spam\n")
    assert [(change.act, change.why) for change in api.trail] == [
        ("end", "enough"),
        ("rollback", "complaints"),
        ("promote", "better"),
    ]


def test_a_ramp_is_started(online: Winnow, api: ApiServer):
    done = online("experiments", "ramp", "spam", "distilbert/2", "--why", "weekly")
    assert [" ".join(row) for row in lines(done.stdout)[1:]] == [
        "spam 2 sender distilbert/1 99% control",
        "spam 2 sender distilbert/2 1% ramp, step 1 of 4",
    ]
    assert api.experiment.ramp and api.experiment.ramp.steps == RAMP


def test_a_ramp_follows_a_plan_of_its_own(online: Winnow, api: ApiServer):
    Path("plan.yaml").write_text("steps: [{share: 0.2, dwell_s: 60}, {share: 1}]\nlimits: {p99_ms: 90}\n")
    assert online("experiments", "ramp", "spam", "distilbert/2", "--plan", "plan.yaml").exit_code == 0
    assert api.experiment.ramp
    assert [step.share for step in api.experiment.ramp.steps] == [0.2, 1.0]
    assert api.experiment.ramp.limits.p99_ms == 90.0
    Path("plan.yaml").write_text("steps:\n  - share: 0.2\n    days: 3\n")
    wrong = online("experiments", "ramp", "spam", "distilbert/2", "--plan", "plan.yaml")
    assert wrong.exit_code == 1
    assert "plan.yaml:3" in wrong.stderr and "days" in wrong.stderr


def test_the_trail_is_shown(online: Winnow):
    online("experiments", "set", "spam", *TWO, "--why", "canary")
    online("experiments", "end", "spam", "--why", "enough")
    heading, *rows = online("experiments", "history", "spam").stdout.splitlines()
    assert heading.split() == ["revision", "changed", "by", "what", "traffic", "sticky", "by", "why"]
    assert [" ".join(row.split()) for row in rows] == [
        "3 2026-01-02 03:04:05 key_1 end - sender enough",
        "2 2026-01-02 03:04:05 key_1 set distilbert/2 90%, distilbert/1 10% sender canary",
    ]
    assert len(online("experiments", "history", "spam", "--limit", "1").stdout.splitlines()) == 2
    assert len(msgspec.json.decode(online("experiments", "history", "spam", "--json").stdout)) == 2


def test_a_report_has_figures_and_words(online: Winnow):
    shown = online("experiments", "report", "spam").stdout
    assert "distilbert/2 flags more legitimate messages than distilbert/1 (8.0 % against 0.4 %)" in shown
    assert "not enough evidence" in shown
    assert [row[:2] for row in lines(shown)[1:3]] == [["distilbert/1", "9,000"], ["distilbert/2", "1,000"]]
    ramp = (
        "ramp of distilbert/2: step 2 of 3, 25% since 2023-11-14 22:13 UTC; 999 of 1000 messages at 25% of the traffic"
    )
    assert ramp in shown
    assert lines(shown)[-1] == ["distilbert/3", "1,200", "4", "17", "3"]
    whole = online("experiments", "report", "spam", "--json").stdout
    assert msgspec.json.decode(whole, type=Report) == REPORT


def test_a_plot_without_matplotlib_says_what_is_missing(online: Winnow, monkeypatch: pytest.MonkeyPatch):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    done = online("experiments", "report", "spam", "--plot", "report.png")
    assert done.exit_code == 1
    assert "matplotlib is not installed" in done.stderr
    assert not Path("report.png").exists()


def test_a_plot_that_cannot_be_written_is_named(online: Winnow):
    done = online("experiments", "report", "spam", "--plot", "nowhere/report.png")
    assert (done.exit_code, done.stderr) == (
        1,
        "error: nowhere/report.png cannot be written: No such file or directory\n",
    )


def test_a_plot_is_drawn(online: Winnow):
    done = online("experiments", "report", "spam", "--plot", "report.png")
    assert done.exit_code == 0, done.stderr
    assert Path("report.png").read_bytes().startswith(b"\x89PNG")
