from pathlib import Path

import pytest

from configs.settings import ROOT
from model_store.store import LocalStore
from pipeline.errors import ConfigError
from tests.support.tiny_retraining import Serving
from training.gates import judge
from training.retrain.measure import Trial, measure
from training.retrain.settings import read_settings

SHIPPED = ROOT / "configs" / "retrain.yaml"


def test_the_shipped_gates_ask_for_figures_that_are_measured(serving: Serving, corpora_here: None) -> None:
    store = LocalStore(serving.store)
    found = measure(store.open("distilbert/1"), store.open("lightgbm/1"), Trial.load(300).rows)
    lacking = [
        verdict.words for verdict in judge(found.figures, {}, read_settings(SHIPPED).gates) if verdict.candidate is None
    ]
    assert lacking == []


def test_the_shipped_gates_cover_what_may_go_wrong() -> None:
    asked = {gate.figure for gate in read_settings(SHIPPED).gates}
    assert asked >= {
        "uci_test.accuracy",
        "uci_test.fpr",
        "uci_test.recall_at_fpr_0.001",
        "uci_test.ece",
        "notices.alarm_rate",
        "samsung_info.spam_rate",
        "seed_synthetic.otp_recall",
        "seed_synthetic.intent_accuracy",
    }


def test_feedback_is_weighed_and_read_once() -> None:
    settings = read_settings(SHIPPED)
    assert "feedback" not in settings.recipe.data.corpora
    assert settings.recipe.data.weights["feedback"] == 4
    assert settings.recipe.data.weights["uci"] == 16


def test_a_candidate_is_numbered_and_goes_on_as_the_version_that_it_starts_from(serving: Serving) -> None:
    settings = read_settings(serving.config)
    anew = settings.numbered("7", "3", "Retrained.", None)
    assert (anew.nets[0].version, anew.gate_version, anew.nets[0].description) == ("7", "3", "Retrained. tiny")
    assert anew.nets[0].finetune == settings.net.finetune
    on = settings.numbered("7", "3", "Retrained.", LocalStore(serving.store).manifest("distilbert/1"))
    assert (on.nets[0].finetune, on.nets[0].max_tokens) == (settings.finetune, 48)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('net: "1"', 'net: "9"', "has no net '9'"),
        ("messages: 400", "mesages: 400", "mesages"),
        ("recipe: training.yaml", "recipe: other.yaml", "other.yaml"),
        ("bound: 0.72", "bound: much", "bound|float"),
        ("uci_test.accuracy", "accuracy", "not of the form set.figure"),
        ("least_news: 20", "least_news: 0", "least_news"),
    ],
)
def test_a_mistake_is_named(serving: Serving, tmp_path: Path, old: str, new: str, complaint: str) -> None:
    (tmp_path / "training.yaml").write_text((serving.config.parent / "training.yaml").read_text())
    text = serving.config.read_text()
    assert old in text
    (tmp_path / "retrain.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError, match=complaint):
        read_settings(tmp_path / "retrain.yaml")
