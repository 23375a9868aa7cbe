"""`winnow retrain` as a schedule calls it: feedback in a real Postgres, tiny models, a server of the same contract."""

import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs.settings import ROOT
from model_store.store import LocalStore
from pipeline import changes
from pipeline.clients.accounts import Accounts
from pipeline.clients.feedback_log import FeedbackLog
from pipeline.clients.postgres import Database
from pipeline.feedback import Feedback
from pipeline.ramps import Ramp
from tests.support import tiny_corpora
from tests.support.api_server import ApiServer
from tests.support.database import within
from tests.support.tiny_retraining import Serving, feedback, train_serving
from tests.support.winnow import Winnow

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # tiny data, few iterations


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.write(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="module")
def serving(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINNOW_DATA", str(corpora))
        return train_serving(tmp_path_factory.mktemp("serving"))


@pytest.fixture(scope="module")
def given(postgres: str) -> str:
    """The address of a database with 60 messages of feedback."""

    async def fill(database: Database) -> None:
        await database.migrate()
        for number, example in enumerate(feedback(60)):
            tenant = f"retrain-{number % 3}"
            await Accounts(database).put_tenant(tenant, None)
            label = "phishing" if example.phishing else "spam" if example.spam else "ham"
            one = Feedback(
                tenant=tenant, receipt_id=f"r-{number}", label=label, text=example.text, given_at=1.7e9 + number
            )
            await FeedbackLog(database).add(one)

    within(postgres, fill)
    return postgres


@pytest.fixture
def words(
    given: str, corpora: Path, serving: Serving, online: Winnow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The command with all that it needs, in a folder with a store of its own."""
    monkeypatch.setenv("DATABASE_URL", given)
    monkeypatch.setenv("WINNOW_DATA", str(corpora))
    shutil.copytree(serving.store, tmp_path / "store")
    return ["retrain", "--root", "store", "--config", str(serving.config), "--checkpoint", str(serving.checkpoint)]


def versions() -> list[str]:
    return LocalStore(Path("store")).versions("distilbert")


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def squeezed_all(text: str) -> str:
    return " ".join(text.split())


def test_a_dry_run_says_what_would_be_trained_on(online: Winnow, words: list[str], serving: Serving):
    shown = online(*words, "--dry-run")
    assert shown.exit_code == 0, shown.stderr
    lines = squeezed(shown.stdout)
    assert "candidate distilbert/2 with lightgbm/2, beside distilbert/1 with lightgbm/1" in lines
    assert f"starts from the weights in {serving.checkpoint}" in lines
    assert "new 60 messages unknown to the serving version" in lines
    (taught,) = [line.split() for line in lines if line.startswith("feedback ") and " train " in line]
    assert int(taught[1]) > 30
    assert re.fullmatch("[0-9a-f]{64}", taught[-1])
    assert versions() == ["1"]
    assert not Path("build").exists()


def test_a_good_candidate_is_published_and_gets_one_percent(online: Winnow, api: ApiServer, words: list[str]):
    done = online(*words, "--ramp")
    assert done.exit_code == 0, done.stderr
    assert "published: lightgbm/2 and distilbert/2" in done.stdout
    assert versions() == ["1", "2"]
    (asked,) = api.bodies("/v1/experiments/spam/ramp")
    assert asked["version"] == "distilbert/2"
    assert asked["revision"] == 1, "that of the time when the run was planned"
    assert asked["why"] == "retrained from distilbert/1, 5 gates passed"
    assert api.experiment.ramp is not None
    assert api.experiment.arms == {"distilbert/1": pytest.approx(0.99), "distilbert/2": pytest.approx(0.01)}
    (report,) = Path("build/retrain/reports").glob("*-distilbert-2/report.md")
    assert "Every gate is passed." in report.read_text()


def test_a_colleagues_ramp_goes_on_and_the_candidate_waits(online: Winnow, api: ApiServer, words: list[str]):
    theirs = changes.start_ramp(api.experiment, Ramp("distilbert/7"))
    api.experiment = theirs
    refused = online(*words, "--ramp")
    assert refused.exit_code == 1
    assert "as it is now, the candidate would get no traffic: a ramp of distilbert/7 is under way" in squeezed_all(
        refused.stderr
    )
    assert "error: distilbert/2 is published and gets no traffic" in squeezed_all(refused.stderr)
    assert versions() == ["1", "2"]
    assert api.experiment == theirs
    assert api.bodies("/v1/experiments/spam/ramp") == []


def test_a_ramp_beside_another_version_than_serves_is_refused_before_training(online: Winnow, words: list[str]):
    failed = online(*words, "--ramp", "--serving", "distilbert/9")
    assert failed.exit_code == 1
    assert "a ramp compares with distilbert/1, which serves" in squeezed_all(failed.stderr)
    assert versions() == ["1"]


def test_a_failed_gate_is_exit_code_1_and_no_traffic(
    online: Winnow, api: ApiServer, words: list[str], serving: Serving, tmp_path: Path
):
    (tmp_path / "training.yaml").write_text((serving.config.parent / "training.yaml").read_text())
    strict = serving.config.read_text().replace("bound: 0.72", "bound: 1.0")
    (tmp_path / "retrain.yaml").write_text(strict)
    failed = online(*words, "--config", "retrain.yaml", "--ramp")
    assert failed.exit_code == 1
    assert "% is below the least allowed, 100 %" in failed.stdout
    assert "1 of 5 gates failed: nothing is published" in failed.stderr
    assert versions() == ["1"]
    assert api.bodies("/v1/experiments/spam/ramp") == []


def test_little_news_trains_nothing(online: Winnow, words: list[str], serving: Serving, tmp_path: Path):
    (tmp_path / "training.yaml").write_text((serving.config.parent / "training.yaml").read_text())
    (tmp_path / "retrain.yaml").write_text(serving.config.read_text().replace("least_news: 20", "least_news: 61"))
    shown = online(*words, "--config", "retrain.yaml")
    assert shown.exit_code == 0
    assert "too little is new to train on: 60 messages, of 61 at least." in squeezed_all(shown.stdout)
    assert versions() == ["1"]
    assert not Path("build").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--serving", "distilbert/9"], "there is no model version distilbert/9"),
        (["--serving", "lightgbm/1"], "lightgbm/1 is no transformer"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--database-url", "mysql://localhost/winnow"], "postgresql://"),
        (
            ["--database-url", "postgresql://u:secret@127.0.0.1:1/w"],
            "feedback cannot be read from 127.0.0.1: the database",
        ),
    ],
)
def test_what_is_wrong_is_named(online: Winnow, words: list[str], options: list[str], complaint: str):
    failed = online(*words, *options)
    assert failed.exit_code == 1
    assert complaint in squeezed_all(failed.stderr)
    assert "secret" not in failed.stderr


def test_in_the_environment_of_serving_the_other_one_is_named(
    online: Winnow, words: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "torch", None)
    for module in [name for name in sys.modules if name.startswith("training.")]:
        monkeypatch.delitem(sys.modules, module)
    failed = online(*words)
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: retraining needs torch,")


def cron_job() -> Any:
    return yaml.safe_load((ROOT / "deployments" / "kubernetes" / "retrain-cronjob.yaml").read_text())


def schedules() -> list[list[str]]:
    """What the CronJob and the crontab line of the docs say after "winnow"."""
    (container,) = cron_job()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    page = (ROOT / "docs" / "operations.md").read_text()
    (line,) = re.findall(r"^\d+ \d+ \* \* \d .*winnow (retrain .*?) >> ", page, re.MULTILINE)
    return [[*container["command"], *container["args"]][1:], line.split()]


@pytest.mark.parametrize("place", [0, 1], ids=["cronjob", "crontab"])
def test_the_schedules_call_the_command_as_it_is(winnow: Winnow, place: int):
    command, *options = schedules()[place]
    shown = winnow("retrain", "--help").stdout
    assert command == "retrain"
    assert {"--root", "--ramp"} <= set(options)
    assert all(option in shown for option in options if option.startswith("--"))


def test_the_cron_job_runs_once_at_a_time_and_holds_no_secret():
    spec = cron_job()["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["concurrencyPolicy"] == "Forbid"
    assert len(spec["schedule"].split()) == 5
    assert container["envFrom"] == [{"secretRef": {"name": "winnow"}}]
    assert [variable["name"] for variable in container["env"]] == ["WINNOW_DATA"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
