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


def test_many_sets_are_a_list(online: Winnow, labelled: str):
    shown = online(
        "evaluate", "--corpus", "synthetic", "--synthetic", "12", "--file", labelled, "--send", "bulk", "--json"
    )
    assert [(each["name"], each["rows"]) for each in json.loads(shown.stdout)] == [("synthetic", 12), (labelled, 4)]


def test_other_labels_get_figures_of_their_own(online: Winnow, tmp_path: Path):
    lines = [
        {"text": "your code is 1", "otp": True, "intent": "APP_LOGIN_OTP", "kind": "otp", "spam": False},
        {"text": "a prize and a code", "otp": False, "phishing": True},
        {"text": "a prize for the school", "spam": False, "kind": "school"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    shown = online("evaluate", "--file", "rows.jsonl", "--send", "bulk")
    rows = {line.split("  ")[0]: line.split() for line in shown.stdout.splitlines() if line}
    assert rows["otp"][1:4] == ["2", "1", "50.00"]
    assert rows["phishing"][1:4] == ["1", "1", "0.00"]
    assert rows["school"] == ["school", "1", "1", "100.0", "1"]
    assert "100.00 [20.65, 100.00] % right of 1 one-time passwords" in shown.stdout


def test_a_report_holds_everything_but_texts(online: Winnow, labelled: str, tmp_path: Path):
    shown = online("evaluate", "--file", labelled, "--report", "deep/report")
    assert shown.exit_code == 0, shown.stderr
    assert "deep/report/report.md" in shown.stderr
    folder = tmp_path / "deep" / "report"
    written = {path.suffix for path in folder.iterdir()}
    assert written == {".md", ".json", ".jsonl", ".png"}
    verdicts = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    assert [(row["set"], row["index"], row["spam"]) for row in verdicts] == [
        (labelled, i, spam) for i, spam in enumerate((True, True, False, False))
    ]
    text = (folder / "report.md").read_text()
    assert "Answered by a server" in text and "distilbert/1" in text
    for path in folder.glob("*.*[dln]"):
        assert "cheap loans" not in path.read_text()


def test_a_report_asks_what_policies_and_disguises_do(online: Winnow, labelled: str, tmp_path: Path, api: ApiServer):
    online("evaluate", "--file", labelled, "--send", "single", "--report", "report")
    (found,) = json.loads((tmp_path / "report" / "figures.json").read_text())["sets"]
    assert [each["policy"] for each in found["policies"]] == ["strict", "moderate", "lenient"]
    assert len(found["robustness"]) == 5
    asked = [message.get("policy") for body in api.bodies("/v1/classify/batch") for message in body["messages"]]
    assert {policy: asked.count(policy) for policy in ("strict", "moderate", "lenient")} == {
        "strict": 4,
        "moderate": 4,
        "lenient": 4,
    }


def test_a_report_where_a_file_lies_is_refused(online: Winnow, labelled: str, api: ApiServer):
    failed = online("evaluate", "--file", labelled, "--report", labelled)
    assert failed.exit_code == 1
    assert "cannot be made a folder" in failed.stderr
    assert api.requests == []


def test_offline_asks_no_server(winnow: Winnow, labelled: str):
    shown = winnow("evaluate", "--offline", "--file", labelled, "--json")
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert found["traffic"][0]["cache"] == {"miss": 4}
    assert [each["name"] for each in found["traffic"]] == ["bulk of 500, 2 at once"]


def test_models_of_a_server_cannot_be_chosen(online: Winnow, labelled: str):
    failed = online("evaluate", "--file", labelled, "--no-rules")
    assert failed.exit_code == 2
    assert "--offline" in failed.stderr
