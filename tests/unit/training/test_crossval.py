from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ConfigError
from training.crossval import by_kind, figures, find_net, three_classes
from training.dataset import to_rows
from training.examples import Example
from training.settings import read_settings


def example(number: int, spam: bool, phishing: bool | None) -> Example:
    return Example(text=f"text {number}", spam=spam, phishing=phishing, source="s", kind="bad" if spam else "chat")


LABELS = ((False, False), (False, False), (True, False), (True, True), (True, True), (True, None))
ROWS = to_rows([example(number, *labels) for number, labels in enumerate(LABELS)])
SCORES = {
    "gate": np.asarray([0.1, 0.2, 0.9, 0.9, 0.4, 0.9], dtype=np.float32),
    "spam": np.asarray([0.1, 0.6, 0.9, 0.9, 0.4, 0.9], dtype=np.float32),
    "phishing": np.asarray([0.0, 0.1, 0.2, 0.9, 0.9, 0.9], dtype=np.float32),
}


def test_three_classes_need_both_labels_and_a_spam_score_for_phishing() -> None:
    found = three_classes(ROWS, SCORES)
    assert found["rows"] == 5  # the last one's phishing is unknown
    assert found["f1_ham"] == pytest.approx(0.5)  # 0 right, 1 missed, 4 taken for ham
    assert found["f1_spam"] == pytest.approx(2 / 3)
    assert found["f1_phishing"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((0.5 + 2 / 3 + 2 / 3) / 3)


def test_figures_report_each_score_and_new_rows_apart() -> None:
    new = np.asarray([True, False, True, True, False, False])
    found = figures(ROWS, SCORES, new)
    assert found["gate"]["accuracy"] == pytest.approx(5 / 6, abs=1e-4)
    assert found["spam"]["fpr"] == pytest.approx(0.5)
    assert found["gate"]["accuracy_low"] < found["gate"]["accuracy"] < found["gate"]["accuracy_high"]
    assert found["three_classes_new_rows"]["macro_f1"] == 1.0
    assert "net" not in found
    assert "three_classes_new_rows" not in figures(ROWS, SCORES, ~new & new)


def test_shares_by_kind() -> None:
    found = by_kind(ROWS, SCORES["spam"], SCORES["phishing"])
    assert found["chat"] == {"rows": 2.0, "spam": 0.5, "phishing": 0.0}
    assert found["bad"] == {"rows": 4.0, "spam": 0.75, "phishing": 0.75}


def test_a_net_that_the_settings_do_not_hold_is_refused() -> None:
    settings = read_settings(Path("configs/crossval.yaml"))
    assert find_net(settings, None) is None
    assert find_net(settings, "4") == settings.nets[0]
    with pytest.raises(ConfigError, match="--net 5: the settings hold 4"):
        find_net(settings, "5")
