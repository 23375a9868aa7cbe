import json
from pathlib import Path

import pytest

from pipeline.errors import Unavailable
from tests.support.api_server import KEY, ApiServer
from tests.support.winnow import Winnow


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_text_for_the_eye(online: Winnow):
    shown = online("classify", "You won a prize", "--sender", "VM-LUCKY")
    assert shown.exit_code == 0
    table = dict(line.split("  ", 1) for line in shown.stdout.splitlines())
    assert table["action"].strip() == "block"
    assert "yes (0.9900)" in shown.stdout
    assert "PRIZE +2.0: says that one has won" in shown.stdout


def test_one_text_as_json_with_all_its_options(online: Winnow, api: ApiServer):
    shown = online("classify", "Your code is 1", "--sender", "A", "--policy", "strict", "--intent", "local", "--json")
    (verdict,) = lines(shown.stdout)
    assert verdict["is_otp"] is True
    (body,) = api.bodies("/v1/classify")
    assert (body["sender"], body["policy"], body["intent"]) == ("A", "strict", "local")


def test_a_refused_text_names_the_field(online: Winnow):
    failed = online("classify", " ")
    assert failed.exit_code == 1
    assert failed.stderr == "error: must not be empty ($.text)\n"


def test_a_file_of_lines(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("You won a prize\n\nsee you at six\r\nYour code is 7")
    shown = online("classify", "--file", "messages.txt", "--json")
    assert shown.exit_code == 0
    assert [(v["line"], v["action"]) for v in lines(shown.stdout)] == [(1, "block"), (3, "deliver"), (4, "deliver")]
    assert "3 messages: 2 deliver, 0 flag, 1 block, 0 failed" in shown.stderr


def test_a_file_as_a_table(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("You won a prize \x1b[31mred\x07\nsee you at six\n" + "long " * 40)
    shown = online("classify", "--file", "messages.txt")
    heading, first, second, third = shown.stdout.splitlines()
    assert heading.split()[:2] == ["line", "action"]
    assert first.split()[:3] == ["1", "block", "0.9900"]
    assert second.endswith("see you at six")
    assert third.endswith("…")
    assert shown.stdout.replace("\n", "").isprintable()


def test_csv_with_columns_of_its_own(online: Winnow, api: ApiServer, tmp_path: Path):
    (tmp_path / "messages.csv").write_bytes(
        b'\xef\xbb\xbfmessage_id,note,text,sender\nm1,x,"You won,\na prize",VM-A\nm2,,see you,\n'
    )
    shown = online("classify", "-f", "messages.csv", "--json", "--sender", "DEFAULT")
    assert [(v["line"], v["message_id"], v["is_spam"]) for v in lines(shown.stdout)] == [
        (2, "m1", True),
        (4, "m2", False),
    ]
    (body,) = api.bodies("/v1/classify/batch")
    assert [(m["text"], m["sender"]) for m in body["messages"]] == [
        ("You won,\na prize", "VM-A"),
        ("see you", "DEFAULT"),
    ]


def test_bad_lines_are_named_and_the_rest_is_answered(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.jsonl").write_bytes(
        b'{"text": "You won a prize", "message_id": "a", "label": "spam"}\n'
        b"{broken\n"
        b'{"text": 5}\n'
        b'["no object"]\n'
        b'{"sender": "X", "message_id": "no-text"}\n'
        b'{"text": "\\ud800"}\n'
        b"\xff\xfe\n"
        b'{"text": "see you"}\n'
    )
    shown = online("classify", "--file", "messages.jsonl", "--json")
    assert shown.exit_code == 1
    found = lines(shown.stdout)
    assert [v["line"] for v in found] == list(range(1, 9))
    assert [v["line"] for v in found if "error" not in v] == [1, 8]
    assert found[4]["message_id"] == "no-text"
    for number in range(2, 8):
        assert f"line {number}: " in shown.stderr
    assert "8 messages: 1 deliver, 0 flag, 1 block, 6 failed" in shown.stderr


def test_stdin_into_a_file(online: Winnow, tmp_path: Path):
    shown = online(
        "classify", "--file", "-", "--format", "jsonl", "--json", "-o", "out.jsonl", stdin='{"text": "hi"}\n'
    )
    assert shown.exit_code == 0
    assert shown.stdout == ""
    assert [v["line"] for v in lines((tmp_path / "out.jsonl").read_text())] == [1]


def test_long_files_go_in_batches_and_come_back_in_order(online: Winnow, api: ApiServer, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("\n".join(f"message {i}" for i in range(1234)))
    shown = online("classify", "--file", "messages.txt", "--json")
    assert [v["line"] for v in lines(shown.stdout)] == list(range(1, 1235))
    assert sorted(len(body["messages"]) for body in api.bodies("/v1/classify/batch")) == [234, 500, 500]


def test_a_csv_file_without_texts_is_refused(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.csv").write_text("body,sender\nhello,A\n")
    failed = online("classify", "--file", "messages.csv")
    assert failed.exit_code == 1
    assert "there is no text" in failed.stderr


def test_a_server_that_goes_away_ends_it_with_what_was_answered(online: Winnow, api: ApiServer, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("\n".join(f"message {i}" for i in range(3000)))
    gone = Unavailable("no more")
    api.faults.extend([gone] * 6)
    failed = online("classify", "--file", "messages.txt", "--json")
    assert failed.exit_code == 1
    assert "error: no more" in failed.stderr
    assert "never retrieved" not in failed.stderr


def test_the_server_of_the_home_folder_is_the_default(winnow: Winnow, api: ApiServer, tmp_path: Path):
    home = tmp_path / ".winnow"
    home.mkdir()
    (home / "development.key").write_text(KEY + "\n")
    state = {"url": api.url, "database_url": "postgresql://", "redis_url": "", "pid": 1}
    (home / "server.json").write_text(json.dumps(state))
    assert winnow("classify", "see you").exit_code == 0


def test_a_server_that_was_killed_is_not_looked_for(winnow: Winnow, tmp_path: Path):
    (tmp_path / "two").mkdir()
    state = {"url": "http://127.0.0.1:1", "database_url": "postgresql://", "redis_url": "", "pid": 2**22 + 1}
    (tmp_path / "two" / "server.json").write_text(json.dumps(state))
    failed = winnow("keys", "list", "--home", "two")
    assert failed.exit_code == 1
    assert "no server runs in two" in failed.stderr


@pytest.mark.parametrize("key", ["winnow_wrong", "an evil\nkey"])
def test_a_wrong_key_is_never_shown(online: Winnow, key: str):
    failed = online("classify", "see you", "--key", key)
    assert failed.exit_code == 1
    assert key not in failed.output
