import sys
from pathlib import Path

import msgspec
import pytest

from tests.support.winnow import Winnow


def test_what_is_written_passes_its_own_comparison(winnow: Winnow, tmp_path: Path):
    written = winnow("export", "mobile", "--out", "phone", "--texts", "5")
    assert written.exit_code == 0, written.stderr
    size = f"{(tmp_path / 'phone' / 'model_isotp.onnx').stat().st_size:,}"
    assert ["model_isotp.onnx", size] in [line.split() for line in written.stdout.splitlines()]
    assert written.stderr.endswith("is written to phone\n")
    compared = winnow("export", "mobile", "--verify", "phone")
    assert compared.exit_code == 0
    assert "over 5 texts" in compared.stdout

    parity = tmp_path / "phone" / "parity.json"
    wrong = msgspec.json.decode(parity.read_bytes())
    wrong["cases"][0]["spam"] = 1.0 - wrong["cases"][0]["spam"]
    parity.write_bytes(msgspec.json.encode(wrong))
    failed = winnow("export", "mobile", "--verify", "phone")
    assert failed.exit_code == 1
    assert failed.stderr.endswith("by more than 0.0001\n")


def test_without_onnx_the_environment_is_named(winnow: Winnow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    for module in ("training.mobile.export", "training.mobile.graph"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    failed = winnow("export", "mobile", "--out", "phone")
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: writing ONNX needs onnx,")
    assert ".venv/bin/.train" in failed.stderr
    assert not (tmp_path / "phone").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--trees", "distilbert/4"], "is of the kind distilbert"),
        (["--trees", "lightgbm/99"], "there is no model version lightgbm/99"),
        (["--models", "nowhere"], "holds no version of lightgbm"),
        (["--verify", "nowhere"], "parity.json cannot be read"),
    ],
)
def test_what_cannot_be_exported_or_compared_is_named(winnow: Winnow, options: list[str], complaint: str):
    failed = winnow("export", "mobile", *options)
    assert failed.exit_code == 1
    assert complaint in failed.stderr
