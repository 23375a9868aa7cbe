import json
from pathlib import Path

import pytest

from tests.support.api_server import ApiServer
from tests.support.winnow import Winnow

ROWS = "label,text\nspam,a prize\nSmishing,cheap loans\nham,see you\notp,your code is 1\n"


@pytest.fixture
def labelled(tmp_path: Path) -> str:
    (tmp_path / "labelled.csv").write_text(ROWS)
    return "labelled.csv"


def test_figures_for_the_eye(online: Winnow, labelled: str):
    shown = online("evaluate", "--file", labelled, "--concurrency", "2")
    assert shown.exit_code == 0
    assert "labelled.csv: 4 messages, 2 of them spam" in shown.stdout
    rows = {line.split("  ")[0]: line for line in shown.stdout.splitlines()}
    for decision in ("is_spam", "action != deliver", "action == block"):
        assert "75.00 [" in rows[decision]
        assert rows[decision].split()[-4:] == ["1", "0", "1", "2"]
    assert "miss 4" in rows["single, 2 at once"]
    assert "memory 4" in rows["bulk of 500, 2 at once"]
    assert "4 answers came from a cache" in shown.stderr


def test_figures_as_json(online: Winnow, labelled: str):
    shown = online("evaluate", "--file", labelled, "--json", "--send", "bulk", "--bulk", "3")
    found = json.loads(shown.stdout)
    assert found["quality"][0]["confusion"] == {
        "true_positive": 1,
        "false_positive": 0,
        "false_negative": 1,
        "true_negative": 2,
    }
    assert [each["requests"] for each in found["traffic"]] == [2]


def test_failures_are_said_and_end_with_1(online: Winnow, tmp_path: Path):
    (tmp_path / "labelled.csv").write_text(ROWS + "spam,\n")
    shown = online("evaluate", "--file", "labelled.csv", "--send", "single")
    assert shown.exit_code == 1
    assert "invalid_field 1" in shown.stderr


def test_a_limit(online: Winnow, labelled: str, api: ApiServer):
    online("evaluate", "--file", labelled, "--limit", "2", "--send", "single")
    assert len(api.bodies("/v1/classify")) == 2


def test_an_unknown_label_is_named_with_its_line(online: Winnow, tmp_path: Path):
    (tmp_path / "labelled.csv").write_text(ROWS + "perhaps,hello\n")
    failed = online("evaluate", "--file", "labelled.csv")
    assert failed.exit_code == 1
    assert "line 6" in failed.stderr


def test_nothing_to_send_is_said(online: Winnow, tmp_path: Path):
    (tmp_path / "labelled.csv").write_text("text,label\n")
    assert "no labelled messages" in online("evaluate", "--file", "labelled.csv").stderr


def test_a_corpus_that_models_were_trained_on_is_refused(online: Winnow):
    assert "would flatter" in online("evaluate", "--corpus", "nus").stderr


def test_a_corpus_that_is_not_there_says_where_it_is_published(
    online: Winnow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    failed = online("evaluate")
    assert failed.exit_code == 1
    assert "https://archive.ics.uci.edu" in failed.stderr


def test_uci_is_judged_on_its_test_part_alone(
    online: Winnow, api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    names = [first + second for first in "bdfgklmnpr" for second in ("aba", "ebe", "ibi", "obo", "ubu")]
    texts = [" ".join(name + end for end in ("ka", "lo", "mi", "nu")) for name in names]  # nothing in common
    folder = tmp_path / "uci_sms_spam"
    folder.mkdir()
    rows = [f"{'spam' if i % 5 == 0 else 'ham'}\t{text}\n" for i, text in enumerate(texts)]
    (folder / "SMSSpamCollection").write_text("".join(rows))
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    shown = online("evaluate", "--send", "single", "--json")
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert 0 < found["rows"] < len(texts) / 2
    assert {body["text"] for body in api.bodies("/v1/classify")} < set(texts)
