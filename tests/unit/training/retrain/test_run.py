"""Retraining on tiny data, from feedback to versions that the server's own code loads; and to none."""

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from model_store.store import LocalStore
from pipeline.errors import ConfigError, ModelError, Unavailable
from pipeline.models.distilbert import Transformer
from pipeline.models.tokenizer import WordPiece
from tests.support.tiny_retraining import Serving, feedback
from training.checkpoint import load_weights, save_weights
from training.corpora import load
from training.examples import Example
from training.retrain import run as retraining
from training.retrain.plan import RECORD, draw_up, keep
from training.retrain.report import REPORT, ROC, Record
from training.retrain.run import Outcome, Retraining
from training.retrain.settings import read_settings

pytestmark = [
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),  # tiny data, few iterations
    pytest.mark.usefixtures("corpora_here"),
]

Make = Callable[..., Retraining]


class Done(msgspec.Struct, frozen=True):
    """A run that passed, and where."""

    outcome: Outcome
    store: LocalStore
    out: Path


@pytest.fixture
def store(serving: Serving, tmp_path: Path) -> LocalStore:
    shutil.copytree(serving.store, tmp_path / "store")
    return LocalStore(tmp_path / "store")


@pytest.fixture
def make(serving: Serving, store: LocalStore, tmp_path: Path) -> Make:
    """A run with this feedback, from the serving version's checkpoint unless told otherwise."""

    def build(rows: list[Example], checkpoint: Path | None = serving.checkpoint, **places: Any) -> Retraining:
        settings = read_settings(serving.config)
        where = {"store": store, "serving": "distilbert/1", "out": tmp_path / "out", "read": lambda _: rows} | places
        return Retraining(settings, checkpoint=checkpoint, **where)

    return build


@pytest.fixture(scope="session")
def passed(corpora: Path, serving: Serving, tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("passed")
    shutil.copytree(serving.store, folder / "store")
    store, settings = LocalStore(folder / "store"), read_settings(serving.config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINNOW_DATA", str(corpora))
        run = Retraining(
            settings, store, "distilbert/1", folder / "out", lambda _: feedback(60), checkpoint=serving.checkpoint
        )
        return Done(run.run(), store, folder / "out")


def test_a_candidate_that_keeps_every_gate_is_published(passed: Done) -> None:
    verdicts, refs = passed.outcome.verdicts, passed.outcome.published
    assert [verdict.words for verdict in verdicts if not verdict.passed] == []
    assert refs == ["lightgbm/2", "distilbert/2"]
    trees, net = (passed.store.open(ref) for ref in refs)
    assert (trees.manifest.parent, net.manifest.parent) == ("lightgbm/1", "distilbert/1")
    assert net.manifest.ensemble is not None
    assert net.manifest.ensemble.partner == "lightgbm/2"
    assert net.manifest.description.startswith("Retrained from distilbert/1 with feedback until 20")
    logits = Transformer(net.path, net.manifest.calibration["spam"]).logits(WordPiece(net.path, 48).encode(["hi you"]))
    assert np.isfinite(logits).all()
    for bundle in (trees, net):
        assert {REPORT, RECORD, ROC, "CARD.md"} <= set(bundle.manifest.files)
        assert bundle.manifest.metrics["gates_uci_test"]["accuracy"] == verdicts[0].candidate


def test_of_a_run_its_report_and_weights_stay_and_no_text(passed: Done) -> None:
    assert sorted(path.name for path in passed.out.iterdir()) == ["checkpoints", "reports"]
    assert [path.name for path in (passed.out / "checkpoints").iterdir()] == ["distilbert-2.safetensors"]


def test_the_manifest_names_all_data_by_fingerprint(passed: Done) -> None:
    store = passed.store
    for ref in passed.outcome.published:
        data = store.manifest(ref).data
        assert {source.name for source in data if source.use == "train"} >= {"uci", "thai", "synthetic", "feedback"}
        assert all(len(source.sha256) == 64 for source in data if source.use != "pretrain")
        assert len({source.sha256 for source in data if source.use != "pretrain"}) == sum(
            source.use != "pretrain" for source in data
        )
    first, again = (
        {source.name: source.sha256 for source in store.manifest(ref).data if source.use == "test"}
        for ref in ("distilbert/1", "distilbert/2")
    )
    assert first == again, "the same test rows, the same fingerprint"
    assert {source.name for source in store.manifest("distilbert/2").data if source.use == "pretrain"} == {
        "nus",
        "dstc8",
    }


def test_the_report_holds_verdicts_and_figures_and_no_text(passed: Done) -> None:
    found = passed.outcome
    report = found.report.read_text()
    assert "Every gate is passed." in report
    assert all(f"| {verdict.gate} |" in report for verdict in found.verdicts)
    assert not any(example.text in report for example in feedback(60))
    record = msgspec.json.decode((found.report.parent / RECORD).read_bytes(), type=Record)
    assert (record.passed, record.plan, record.verdicts) == (True, found.plan, found.verdicts)
    assert (found.report.parent / ROC).read_bytes().startswith(b"\x89PNG")


def test_the_next_run_goes_on_from_the_candidate(passed: Done, make: Make) -> None:
    asked: list[datetime | None] = []

    def read(since: datetime | None) -> list[Example]:
        asked.append(since)
        return feedback(30 if since else 60)

    following = make([], None, store=passed.store, serving="distilbert/2", out=passed.out, read=read)
    plan = following.plan
    assert asked == [None, passed.outcome.plan.until], "all feedback is trained on; what came since is the news"
    assert (plan.messages, plan.news, plan.since) == (60, 30, passed.outcome.plan.until)
    assert (plan.net, plan.trees, plan.serving_trees) == ("distilbert/3", "lightgbm/3", "lightgbm/2")
    assert following.checkpoint == passed.out / "checkpoints" / "distilbert-2.safetensors"


def test_poisoned_feedback_fails_and_publishes_nothing(make: Make, store: LocalStore, tmp_path: Path) -> None:
    outcome = make(feedback(1500, flipped=True)).run()
    assert outcome.published == []
    assert any(not verdict.passed for verdict in outcome.verdicts)
    assert "accuracy" in [verdict.gate for verdict in outcome.verdicts if not verdict.passed]
    assert store.versions("distilbert") == ["1"]
    assert store.versions("lightgbm") == ["1"]
    assert "**Not published.** Failed: accuracy" in outcome.report.read_text()
    assert not (tmp_path / "out" / "run").exists()
    assert not (tmp_path / "out" / "checkpoints").exists()


def test_a_run_that_was_cut_off_goes_on_where_it_was(
    make: Make, monkeypatch: pytest.MonkeyPatch, store: LocalStore, tmp_path: Path
) -> None:
    publish = retraining.publish

    def halfway(target: LocalStore, folder: Path) -> str:
        if folder.name == "distilbert":
            raise Unavailable("S3 does not answer")
        return publish(target, folder)

    first = make(feedback(60))
    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(retraining, "publish", halfway)
        first.run()
    assert (store.versions("lightgbm"), store.versions("distilbert")) == (["1", "2"], ["1"])
    assert (tmp_path / "out/run/plan.json").stat().st_mode & 0o077 == 0, "texts of customers are for nobody else"

    def unread(since: datetime | None) -> list[Example]:
        raise AssertionError("what came meanwhile is for the next run")

    again = make([], read=unread)
    assert again.is_resumed
    assert again.is_worthwhile
    assert again.plan == first.plan
    monkeypatch.delattr("training.recipe.tuned_from")
    monkeypatch.delattr("training.recipe.train_gate")
    assert again.run().published == ["lightgbm/2", "distilbert/2"], "nothing is trained or published a second time"
    assert not (tmp_path / "out" / "run").exists()


def test_without_a_checkpoint_the_recipe_begins_anew(make: Make) -> None:
    run = make(feedback(60), None)
    assert run.checkpoint is None
    assert run.run().published == ["lightgbm/2", "distilbert/2"]


def test_a_checkpoint_of_another_version_is_refused(make: Make, serving: Serving, tmp_path: Path) -> None:
    other = {name: -tensor for name, tensor in load_weights(serving.checkpoint).items() if name.startswith("model.")}
    save_weights(tmp_path / "other.safetensors", other)
    with pytest.raises(ConfigError, match="is the checkpoint of another version than distilbert/1"):
        make(feedback(60), tmp_path / "other.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_what_is_no_checkpoint_is_said_so(make: Make, tmp_path: Path, content: bytes | None, serving: Serving) -> None:
    path = tmp_path / "wrong.safetensors"
    if content is None:
        weights = load_weights(serving.checkpoint)
        save_weights(path, {name: each for name, each in weights.items() if "lin1" not in name})
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"wrong\.safetensors"):
        make(feedback(60), path)


def test_feedback_that_resembles_what_the_gates_ask_is_left_out(make: Make) -> None:
    asked = [Example(text=each.text, spam=True, source="feedback") for each in load("seed_synthetic")[:10]]
    run = make([*feedback(60), *asked])
    alone = make(feedback(60))
    assert run.plan.messages == alone.plan.messages
    assert run.plan.left_out == alone.plan.left_out + 10


def test_a_dry_run_says_what_it_would_train_on_and_writes_nothing(make: Make, tmp_path: Path) -> None:
    run = make(feedback(60))
    taught = {source.name: source.rows for source in run.data() if source.use in ("train", "validate")}
    assert 0 < taught["feedback"] <= run.plan.messages
    assert not (tmp_path / "out").exists()


def test_little_news_is_not_worth_a_run(make: Make) -> None:
    assert not make(feedback(10)).is_worthwhile
    assert make(feedback(60)).is_worthwhile


def test_a_run_for_another_version_gives_way_to_a_new_one(passed: Done, make: Make, tmp_path: Path) -> None:
    other = draw_up(passed.store, passed.store.open("distilbert/2"), lambda _: feedback(60), [])
    keep(tmp_path / "out" / "run", other)
    (tmp_path / "out" / "run" / "lightgbm").mkdir()
    (tmp_path / "out" / "run" / "lightgbm" / "inputs").write_text("of other data")
    run = make(feedback(60))
    assert not run.is_resumed
    assert (run.plan.serving, run.plan.net) == ("distilbert/1", "distilbert/2")
    assert run.run().published == ["lightgbm/2", "distilbert/2"]
    assert not (tmp_path / "out" / "run").exists()


def test_where_its_number_was_taken_the_next_run_begins_anew(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def taken(target: LocalStore, folder: Path) -> str:
        raise ModelError(f"somebody else published {folder.name}/2 meanwhile")

    with monkeypatch.context() as patch, pytest.raises(ModelError):
        patch.setattr(retraining, "publish", taken)
        make(feedback(60)).run()
    assert not (tmp_path / "out" / "run").exists()
    assert not make(feedback(60)).is_resumed


def test_words_of_customers_are_in_no_published_vocabulary(make: Make, store: LocalStore) -> None:
    rows = [msgspec.structs.replace(each, text=f"Zebulon Quartermaine, {each.text}") for each in feedback(300)]
    make(rows, None).run()
    found = json.loads((store.open("lightgbm/2").path / "feature_map.json").read_bytes())
    terms = [*found["words"], *found["grams"]]
    pieces = json.loads((store.open("distilbert/2").path / "tokenizer.json").read_bytes())["model"]["vocab"]
    assert "your" in terms
    assert len(pieces) > 500
    private = [term for term in (*terms, *pieces) if "zeb" in term or "quarter" in term]
    assert private == []


def test_a_bundle_of_trees_cannot_be_what_serves(make: Make) -> None:
    with pytest.raises(ModelError, match="lightgbm/1 is no transformer"):
        make(feedback(60), None, serving="lightgbm/1")
