import json
from pathlib import Path

from deployments.cli.bench import WARM_UP
from pipeline.errors import Unauthenticated
from tests.support.api_server import ApiServer
from tests.support.winnow import Winnow

FIGURES = {"min_ms", "mean_ms", "p50_ms", "p95_ms", "p99_ms", "max_ms", "messages_per_s"}


def texts(api: ApiServer) -> list[str]:
    return [body["text"] for body in api.bodies("/v1/classify")]


def test_distinct_messages_one_by_one_behind_a_warm_up(online: Winnow, api: ApiServer):
    shown = online("bench", "--count", "20")
    assert shown.exit_code == 0, shown.stderr
    assert len(set(texts(api))) == len(texts(api)) == WARM_UP + 20
    title, _, heading, figures = shown.stdout.splitlines()
    assert title == "20 inferences, one by one"
    assert "p50 ms" in heading and len(figures.split()) == len(FIGURES)


def test_figures_as_json(online: Winnow):
    found = json.loads(online("bench", "-n", "5", "--json").stdout)
    assert (found["inferences"], found["failed"], found["cached"]) == (5, {}, 0)
    assert all(found[name] > 0 for name in FIGURES)


def test_messages_of_a_file_each_once(online: Winnow, api: ApiServer, tmp_path: Path):
    (tmp_path / "messages.csv").write_text("label,text,sender\nspam,a prize,X\nham,hello,Y\nham,hello,Z\n")
    shown = online("bench", "--file", "messages.csv")
    asked = api.bodies("/v1/classify")[WARM_UP:]
    assert [(body["text"], body["sender"]) for body in asked] == [("a prize", "X"), ("hello", "Y")]
    assert "no more than 2 different messages" in shown.stderr


def test_messages_of_a_corpus(online: Winnow, api: ApiServer):
    assert online("bench", "--corpus", "synthetic", "-n", "10").exit_code == 0
    assert len(texts(api)) == WARM_UP + 10


def test_one_source_of_messages(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("hello\n")
    assert online("bench", "--corpus", "synthetic", "--file", "messages.txt").exit_code == 2


def test_a_line_without_a_message_is_named(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.jsonl").write_text('{"text": "hello"}\n{"text": 7}\n')
    failed = online("bench", "--file", "messages.jsonl")
    assert failed.exit_code == 1
    assert "line 2" in failed.stderr


def test_an_empty_file_is_said(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("\n")
    assert "no messages" in online("bench", "--file", "messages.txt").stderr


def test_failures_end_with_1(online: Winnow, tmp_path: Path):
    (tmp_path / "messages.txt").write_text(f"hello\n{'long ' * 3_000}\n")
    shown = online("bench", "--file", "messages.txt")
    assert shown.exit_code == 1
    assert "without a complete verdict: too_large 1" in shown.stderr


def test_a_server_that_answers_nothing_is_one_error(online: Winnow, api: ApiServer):
    api.faults.extend([Unauthenticated("the key is unknown or revoked")] * WARM_UP)
    failed = online("bench", "-n", "3")
    assert failed.exit_code == 1
    assert "error: the key is unknown" in failed.stderr
    assert len(texts(api)) == WARM_UP


def test_answers_of_a_cache_are_said(online: Winnow, api: ApiServer, tmp_path: Path):
    (tmp_path / "messages.txt").write_text("hello\nsee you\n")
    api.seen.add("hello")
    assert "1 answers came from a cache" in online("bench", "--file", "messages.txt").stderr


def test_offline_asks_no_server(winnow: Winnow):
    shown = winnow("bench", "--offline", "-n", "3", "--json")
    assert shown.exit_code == 0, shown.stderr
    assert json.loads(shown.stdout)["inferences"] == 3
