"""What is taught and judged: balanced, labelled, and never alike."""

import json
from collections import Counter
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.types import INTENTS
from tests.support import tiny_corpora
from training.lora.data import GRAMMAR, gather, read_labelled
from training.lora.prompt import user_message
from training.lora.settings import DataSettings, LoraSettings, read_settings
from training.neardup import twins

SMALL = DataSettings(generated=1_500, most=10, held=1_500, held_most=8)


def test_no_intent_drowns_another() -> None:
    data = gather(SMALL)
    counts = Counter(example.intent for example in data.taught)
    assert set(counts) == set(INTENTS) and max(counts.values()) <= 10
    assert max(Counter(example.intent for example in data.judged[GRAMMAR]).values()) <= 8


def test_nothing_judged_resembles_what_is_taught() -> None:
    data = gather(SMALL)
    assert not any(twins([e.text for e in data.taught], [e.text for e in data.judged[GRAMMAR]]))
    shown = [user_message(e.text, e.sender) for e in data.taught]
    assert len(shown) == len(set(shown))


def test_the_same_settings_give_the_same_rows() -> None:
    assert gather(SMALL) == gather(SMALL)


def test_a_labelled_file_is_taught_in_part_and_judged_in_part(tmp_path: Path) -> None:
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}word" for n in range(40)]
    texts = [f"{word} to {word}a {word}b {word}c: 48291{i % 3}" for word in words for i in range(2)]
    rows = [{"text": text, "intent": "APP_LOGIN_OTP", "label": "otp"} for text in texts]
    path = _file(tmp_path / "mine.jsonl", rows)
    data = gather(DataSettings(generated=300, most=2, held=100, held_most=1, sets=(str(path),)))
    taught = [e.text for e in data.taught if e.source == "mine"]
    judged = [e.text for e in data.judged["mine, held out"]]
    assert taught and judged and not set(taught) & set(judged)
    assert not any(twins(taught, judged))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": "x"}', "line 2: not an object"),
        ("[]", "line 2: not an object"),
        ('{"text": "x", "intent": "LOGIN"}', "line 2: intent is none of"),
    ],
)
def test_a_bad_line_is_named_without_its_text(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "secret", "intent": "NOT_OTP"}\n' + line + "\n")
    with pytest.raises(ConfigError, match=complaint) as refused:
        read_labelled(path)
    assert "secret" not in str(refused.value)


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither feedback"):
        read_labelled(tmp_path / "nowhere.jsonl")


def test_evaluation_corpora_are_judged_and_never_taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATA", str(tiny_corpora.write(tmp_path)))
    small = {"generated": 300, "most": 2, "held": 100, "held_most": 1}
    assert gather(DataSettings(**small, judged=("seed_synthetic",))).judged["seed_synthetic"]
    with pytest.raises(ConfigError, match="for evaluate only"):
        gather(DataSettings(**small, sets=("seed_synthetic",)))


def test_the_file_that_ships_is_the_reference_document_s_recipe() -> None:
    shipped, reference = read_settings(Path("configs/lora.yaml")), LoraSettings()
    assert (shipped.base, shipped.form) == ("Qwen/Qwen2.5-1.5B-Instruct", "appendix")
    assert (shipped.adapter, shipped.tuning) == (reference.adapter, reference.tuning)
    assert (shipped.adapter.rank, shipped.adapter.alpha, shipped.adapter.dropout) == (8, 16, 0.05)
    assert (shipped.tuning.epochs, shipped.tuning.rate) == (3, 2e-4)


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lora.yaml"
    path.write_text("adapter: {ranks: 8}")
    with pytest.raises(ConfigError, match="ranks"):
        read_settings(path)


def _file(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path
