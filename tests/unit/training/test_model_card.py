from pathlib import Path

import pytest

from model_store.manifest import DataSource, Ensemble, Manifest
from model_store.store import check_files
from training.model_card import CARD, model_card, with_card


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        name="distilbert",
        version="9",
        kind="distilbert",
        created="2026-11-24",
        description="Nine layers.",
        files={},
        labels={"spam": ["ham", "spam"]},
        max_tokens=96,
        calibration={},
        ensemble=Ensemble(weight=0.25, a=1.0, b=0.0, partner="lightgbm/2"),
        thresholds={"spam": {"0.001": 0.75}},
        metrics={
            "uci": {"rows": 1000.0, "positives": 100.0, "accuracy": 0.99, "recall": 0.9, "fpr": 0.0, "mcc": 0.9},
            "held": {"otp_rows": 50.0, "otp_positives": 40.0, "otp_recall": 1.0, "intent_accuracy": 0.5},
        },
        data=[DataSource(name="uci", rows=4128, licence="CC BY 4.0", use="train")],
    )


def test_shares_of_counted_rows_have_intervals(manifest: Manifest) -> None:
    card = model_card(manifest)
    assert "| accuracy | 0.99 [0.9817, 0.9946] |" in card
    assert "| recall | 0.9 [0.8256, 0.9448] |" in card  # of 100 positives
    assert "| fpr | 0 [0.0000, 0.0043] |" in card  # of 900 negatives
    assert "| otp_recall | 1 [0.9124, 1.0000] |" in card  # of its own 40 positives
    assert "| mcc | 0.9 |" in card
    assert "| intent_accuracy | 0.5 |" in card


def test_card_names_data_licences_thresholds_and_limits(manifest: Manifest) -> None:
    card = model_card(manifest)
    assert card.startswith("# distilbert/9\n\nNine layers.")
    assert "| uci | 4,128 | train | CC BY 4.0 |" in card
    assert "| spam | 0.001 | 0.7500 |" in card
    assert "joins lightgbm/2: 25%" in card
    assert "## Intended use" in card
    assert "## Limits" in card


def test_card_is_one_of_the_files_that_the_manifest_vouches_for(manifest: Manifest, tmp_path: Path) -> None:
    listed = with_card(tmp_path, manifest)
    assert list(listed.files) == [CARD]
    check_files(tmp_path, listed)
