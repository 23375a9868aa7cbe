import numpy as np

from training.dataset import to_rows
from training.examples import Example
from training.judge import by_kind, merge


def test_shares_by_kind_start_with_the_worst() -> None:
    rows = to_rows([Example(text="a", source="s", kind=kind) for kind in ("bank", "bank", "chat", "otp")])
    found = by_kind(rows, np.asarray([True, False, False, True]))
    assert found == {"otp": (1, 1.0), "bank": (2, 0.5), "chat": (1, 0.0)}
    assert list(found) == ["otp", "bank", "chat"]


def test_merged_figures_keep_both_sides() -> None:
    assert merge({"a": {"x": 1.0}, "b": {"y": 2.0}}, {"a": {"z": 3.0}, "c": {}}) == {
        "a": {"x": 1.0, "z": 3.0},
        "b": {"y": 2.0},
        "c": {},
    }
