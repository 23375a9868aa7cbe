"""The whole recipe on tiny data: from raw text to versions that the server's own code loads and asks."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, DistilBertConfig, DistilBertModel

from model_store.store import LocalStore
from pipeline.errors import ConfigError
from pipeline.models.distilbert import Transformer
from pipeline.models.lightgbm import TreeModels
from pipeline.models.tokenizer import WordPiece
from pipeline.policy import LimitBook, load_policies
from pipeline.types import INTENTS
from tests.support import tiny_corpora
from training import crossval
from training.checkpoint import same_inputs
from training.corpora import load
from training.dataset import Dataset, build
from training.examples import Example
from training.gate import GateTrainer
from training.lexical import LinearSettings
from training.neardup import twins
from training.net import hub_net, hub_tokenizer
from training.nets import finetuning_rows, tuned_net
from training.recipe import JUDGED, Recipe
from training.settings import from_base, read_settings
from training.trees import TreeSettings
from training.tune import tune

pytestmark = pytest.mark.filterwarnings("ignore:lbfgs failed to converge")  # tiny data, few iterations

SETTINGS = """
gate_version: "1"
data: {nus: 60, nus_validation: 30, synthetic: 2500, synthetic_validation: 500}
gate:
  words: 400
  bigrams: 100
  grams: 800
  linear: {iterations: 20}
  trees:
    spam: {rounds: 8, leaves: 7}
    phishing: {rounds: 8, leaves: 7}
    otp: {rounds: 8, leaves: 7}
    intent: {rounds: 4, leaves: 7}
vocab_size: 700
pretraining_corpora: [nus, dstc8]
pretraining_texts: 1500
finetuning: {synthetic: 600, nus: 40}
net: {layers: 2, dim: 32, heads: 2, hidden: 64, max_tokens: 48}
pretrain: {steps: 6, tokens: 1024, rate: 1.0e-3, warmup: 2, checkpoint_every: 3}
nets:
  - {version: "1", layers: [1], max_tokens: 48, description: tiny, finetune: {epochs: 1, heads: [spam, phishing, otp]}}
"""

TEXTS = ["Your code is 482913", "URGENT! You won, claim at http://bit.ly/x1", "see you at six"]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.write(tmp_path_factory.mktemp("corpora"))


@pytest.fixture
def corpora_here(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATA", str(corpora))


@pytest.fixture(scope="module")
def trained(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINNOW_DATA", str(corpora))
        folder = tmp_path_factory.mktemp("run")
        (folder / "training.yaml").write_text(SETTINGS)
        recipe = Recipe(read_settings(folder / "training.yaml"), folder / "out")
        recipe.run()
    return recipe


def test_the_server_loads_and_asks_what_was_trained(trained: Recipe) -> None:
    store = LocalStore(trained.out / "store")
    trees, net = store.open("lightgbm/1"), store.open("distilbert/1")
    scores = TreeModels(trees.path, trees.manifest.calibration).score(TEXTS, [""] * 3)
    tokens = WordPiece(net.path, net.manifest.max_tokens).encode(TEXTS)
    logits = Transformer(net.path, net.manifest.calibration["spam"]).logits(tokens)
    assert np.isfinite(scores.spam).all()
    assert np.isfinite(logits).all()
    assert scores.spam[1] > scores.spam[2]
    assert scores.otp[0] > scores.otp[2]
    assert scores.intent.shape == (3, len(INTENTS))


def test_manifests_hold_what_policies_and_ensemble_need(trained: Recipe) -> None:
    store = LocalStore(trained.out / "store")
    trees, net = store.open("lightgbm/1").manifest, store.open("distilbert/1").manifest
    policies = load_policies(Path("configs/policies.yaml").read_text(), "policies.yaml")
    book = LimitBook(policies, {net.ref: net.thresholds})
    book.add(trees.ref, trees.thresholds, ("spam", "phishing", "otp"))
    assert book.limits("strict", net.ref, trees.ref, trees.ref)
    assert net.ensemble is not None
    assert net.ensemble.partner == "lightgbm/1"
    assert net.cascade is not None
    assert {source.name for source in net.data} >= {"uci", "synthetic", "nus", "dstc8"}


def test_exported_models_score_as_their_trainers(trained: Recipe) -> None:
    store = LocalStore(trained.out / "store")
    trees, net = (store.open(f"{name}/1").manifest.metrics["parity"] for name in ("lightgbm", "distilbert"))
    assert max(value for name, value in trees.items() if name.startswith("max_")) < 2e-3
    assert net["max_fp32_difference"] < 1e-4
    assert net["max_int8_difference"] < 0.1


def test_a_second_run_changes_nothing(trained: Recipe, corpora_here: None) -> None:
    before = {path: path.stat().st_mtime_ns for path in trained.out.rglob("*") if path.is_file()}
    trained.run()
    assert before == {path: path.stat().st_mtime_ns for path in trained.out.rglob("*") if path.is_file()}


def test_no_twin_of_a_judged_corpus_is_pretrained_on(trained: Recipe, corpora_here: None) -> None:
    judged = [example.text for name in JUDGED for example in load(name)]
    nus = [example.text for example in load("nus")]
    assert any(twins(nus, judged)), "the tiny NUS holds messages of the tiny UCI, as the real one does"
    assert not any(twins(trained.texts(), judged))


@pytest.mark.usefixtures("corpora_here")
def test_no_net_is_pretrained_on_texts_of_customers(trained: Recipe, tmp_path: Path) -> None:
    said = [Example(text=f"Zebulon, your parcel {i} waits", spam=False, source="feedback") for i in range(40)]
    recipe = Recipe(trained.settings, tmp_path, extra=said)
    assert any("Zebulon" in text for text in recipe.data.train.texts)
    assert not any("Zebulon" in text for text in recipe.texts())


def test_plentiful_sources_are_thinned_out_evenly(trained: Recipe) -> None:
    rows = trained.data.train
    chosen = rows.take(finetuning_rows(rows, {"synthetic": 600}))
    assert 400 <= np.sum(chosen.sources == "synthetic") <= 600
    assert np.sum(chosen.sources == "uci") == np.sum((rows.sources == "uci") & (rows.spam >= 0))


def test_cross_validation_judges_every_row_by_models_that_were_not_taught_it(
    trained: Recipe, corpora_here: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(crossval, "FOLDS", 2)
    taught: list[Dataset] = []

    def building(*arguments: object, **named: object) -> Dataset:
        taught.append(build(*arguments, **named))
        return taught[-1]

    monkeypatch.setattr(crossval, "build", building)
    trial = crossval.Trial(trained.settings, trained.settings.nets[0], trained.out, tmp_path)
    rows, scores = crossval.crossvalidate(trial, "uci", whole=False)
    parts = crossval.split("uci", whole=False)
    assert len(rows) == sum(map(len, parts))
    for data, part in zip(taught, parts, strict=True):
        real = [rows.take(rows.sources != "synthetic") for rows in (data.train, data.validation)]
        assert not any(twins([*real[0].texts, *real[1].texts], [example.text for example in part]))
    assert {"gate", "net", "spam", "phishing"} == set(scores)
    assert all(len(column) == len(rows) and np.isfinite(column).all() for column in scores.values())
    assert crossval.figures(rows, scores, np.zeros(len(rows), dtype=bool))["gate"]["accuracy"] > 0.8
    crossval.crossvalidate(trial, "uci", whole=False)
    assert len(taught) == 2, "folds that are done are not done again"


def test_state_of_other_settings_is_refused(trained: Recipe, tmp_path: Path) -> None:
    same_inputs(tmp_path, {"epochs": 1}, ["a", "b"])
    same_inputs(tmp_path, {"epochs": 1}, ["a", "b"])
    for settings, lines in (({"epochs": 2}, ["a", "b"]), ({"epochs": 1}, ["a", "c"]), ({"epochs": 1}, ["ab"])):
        with pytest.raises(ConfigError, match="other settings or data"):
            same_inputs(tmp_path, settings, lines)


def test_tuning_ranks_what_learns_above_what_hardly_does(trained: Recipe, tmp_path: Path) -> None:
    trainer = GateTrainer(trained.data, trained.settings.gate, tmp_path / "feature_map.json", 2)
    grid = [TreeSettings(rounds=1, rate=0.01), TreeSettings(rounds=15), LinearSettings(c=3.0, iterations=20)]
    ranked = tune(trained.data, trainer, "spam", grid, 100)
    assert ranked[-1].candidate == "Tree rounds=1 rate=0.01"
    assert ranked[0].loss < ranked[1].loss < ranked[2].loss


def test_a_pretrained_base_is_taken_from_a_folder(trained: Recipe, tmp_path: Path) -> None:
    tokenizer, base = trained.pretrained.tokenizer, tmp_path / "base"
    shape = {"dim": 32, "n_layers": 1, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": 128}
    DistilBertModel(DistilBertConfig(vocab_size=tokenizer.get_vocab_size(), **shape)).save_pretrained(base)
    tokenizer.save(str(base / "tokenizer.json"))
    settings = from_base(str(base))
    assert (settings.max_tokens, settings.finetune.epochs, settings.finetune.rate) == (128, 3, 2e-5)
    short = msgspec.structs.replace(settings, finetune=msgspec.structs.replace(settings.finetune, epochs=1))
    net, found = tuned_net(short, trained.settings, lambda: trained.pretrained, trained.data, tmp_path / "work")
    assert found.get_vocab() == tokenizer.get_vocab()
    before = hub_net(str(base), 0.0).body.state_dict()
    assert any(not torch.equal(tensor, net.body.state_dict()[name]) for name, tensor in before.items())


def test_a_base_of_another_architecture_is_refused(tmp_path: Path) -> None:
    BertModel(
        BertConfig(vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    ).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="not a DistilBERT"):
        hub_net(str(tmp_path), 0.0)
    with pytest.raises(ConfigError, match=r"no tokenizer\.json"):
        hub_tokenizer(str(tmp_path))
    with pytest.raises(ConfigError, match="no DistilBERT there"):
        hub_net(str(tmp_path / "nowhere"), 0.0)
