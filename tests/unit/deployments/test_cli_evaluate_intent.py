"""`winnow evaluate --task intent`, by the models that ship and a Groq server on a socket."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.chat_server import in_thread
from pipeline.types import INTENTS
from tests.support.groq_server import GroqServer
from tests.support.winnow import Winnow

KEY = "gsk_right"
ROWS = """text,label,sender
482913 is your OTP to log in to your HDFC Bank account. Do not share it with anyone.,FINANCIAL_LOGIN_OTP,VM-HDFCBK
Use 4829 as OTP for your purchase of INR 500.00 at Amazon on your HDFC Bank card ending 1234.,BANK_OR_CARD_TXN_OTP,
Your Swiggy delivery OTP is 4829. Share it with the delivery partner when your order arrives.,delivery_or_service_otp,
"Hey, are we still on for lunch?",NOT_OTP,
"""


@pytest.fixture
def groq(monkeypatch: pytest.MonkeyPatch) -> Iterator[GroqServer]:
    """A server that takes one key, which the environment holds, and takes everything for a login."""
    with in_thread(GroqServer(key=KEY)) as server:
        server.writes = lambda _: '{"intent": "FINANCIAL_LOGIN_OTP"}'
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        yield server


@pytest.fixture
def file(tmp_path: Path, winnow: Winnow, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    (tmp_path / "mine.csv").write_text(ROWS)
    return "mine.csv"


def test_both_sources_side_by_side(winnow: Winnow, file: str, groq: GroqServer):
    shown = winnow("evaluate", "--task", "intent", "--json", file)
    assert shown.exit_code == 0, shown.stderr
    found = json.loads(shown.stdout)
    accuracy = {each["source"]: each["figures"]["accuracy"]["value"] for each in found["sources"]}
    assert accuracy == {"local": 1.0, "groq": 0.25, "groq else local": 0.5}
    assert (found["agreement"]["rows"], found["agreement"]["only_local_right"]) == (4, 3)
    assert (found["calls"]["prompt_tokens"], found["calls"]["completion_tokens"]) == (4 * 230, 4 * 14)
    assert found["calls"]["cost_usd"] == pytest.approx((4 * 230 * 0.05 + 4 * 14 * 0.08) / 1e6)
    assert set(found["calls"]["latency_ms"]) == {"p50", "p95", "p99"}


def test_what_is_sent_is_what_serving_sends(winnow: Winnow, file: str, groq: GroqServer):
    winnow("evaluate", "--task", "intent", "--source", "groq", "--language-model", "mine", "--file", file)
    assert {request["model"] for request in groq.requests} == {"mine"}
    assert "[VM-HDFCBK] <sms>\n<CODE> is your OTP" in groq.user_messages()[0]
    assert not any(digits in str(groq.requests) for digits in ("482913", "4829", "1234"))


def test_tables_for_the_eye(winnow: Winnow, file: str, groq: GroqServer):
    shown = winnow("evaluate", "--task", "intent", file)
    rows = {line.split("  ")[0]: line.split() for line in shown.stdout.splitlines() if line}
    assert shown.stdout.startswith("mine.csv: 4 messages with an intent.")
    assert rows["local"][1:3] == ["4", "100.00"]
    assert rows["groq"][1:3] == ["4", "25.00"]
    assert rows["FINANCIAL_LOGIN_OTP"][1] == "100.0"
    assert re.search(r"^ *4 +ok 4 +920 +56 ", shown.stdout, re.MULTILINE)
    assert "groq and local agree on 25.00" in shown.stdout
    table = shown.stdout[shown.stdout.index("groq: labelled as") :].splitlines()[1:10]
    assert [line.split()[1] for line in table] == list(INTENTS)
    assert [line.split()[2:].count("1") for line in table] == [1, 0, 0, 1, 1, 1, 0, 0, 0]


def test_without_a_key_it_says_so_and_sends_nothing(winnow: Winnow, file: str):
    for source in ("groq", "both"):
        failed = winnow("evaluate", "--task", "intent", "--source", source, file)
        assert failed.exit_code == 1
        assert "GROQ_API_KEY is not set" in failed.stderr
    assert winnow("evaluate", "--task", "intent", "--source", "local", file).exit_code == 0


def test_a_wrong_key_is_told_after_one_message(
    winnow: Winnow, file: str, groq: GroqServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("GROQ_API_KEY", "gsk_wrong")
    failed = winnow("evaluate", "--task", "intent", "--source", "groq", file)
    assert failed.exit_code == 1
    assert "refuses the key" in failed.stderr
    assert len(groq.arrivals) == 1


def test_what_was_not_answered_is_counted_and_ends_with_1(winnow: Winnow, file: str, groq: GroqServer):
    groq.faults.extend(["ok", "prose", "500", "500"])
    shown = winnow("evaluate", "--task", "intent", "--source", "groq", "--concurrency", "1", "--json", file)
    found = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert found["calls"]["outcomes"] == {"ok": 2, "invalid": 1, "InternalServerError": 1}
    assert found["sources"][0]["unanswered"] == 2


def test_a_file_without_intents_is_refused(winnow: Winnow, tmp_path: Path):
    (tmp_path / "spam.csv").write_text("text,label\nhello,ham\n")
    failed = winnow("evaluate", "--task", "intent", "--source", "local", "spam.csv")
    assert failed.exit_code == 1
    assert "no message carries an intent" in failed.stderr


def test_what_belongs_to_the_other_tasks_is_refused(winnow: Winnow, file: str):
    assert winnow("evaluate", "--task", "intent", "--report", "out", file).exit_code == 2
    assert winnow("evaluate", "--file", file, file).exit_code == 2
