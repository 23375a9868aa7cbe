import io
import json

import pytest

from deployments.cli.labelled import from_corpus, from_file
from pipeline.errors import ConfigError, InvalidField
from training.examples import Example


def read(content: str | bytes, name: str = "mine.csv") -> list[Example]:
    file = io.BytesIO(content.encode() if isinstance(content, str) else content)
    file.name = name
    return from_file(file)


@pytest.mark.parametrize(
    ("label", "spam", "phishing", "otp"),
    [
        ("spam", True, None, None),
        ("Smishing", True, True, None),
        ("ham", False, False, None),
        ("otp", False, False, True),
        ("1", True, None, None),
        ("FALSE", False, False, None),
    ],
)
def test_one_word_labels(label: str, spam: bool, phishing: bool | None, otp: bool | None):
    (example,) = read(f"label,text\n{label},hello\n")
    assert (example.text, example.spam, example.phishing, example.otp) == ("hello", spam, phishing, otp)


def test_a_label_may_be_an_intent():
    login, none = read("label,text\nApp_Login_OTP,hello\nNOT_OTP,hi\n")
    assert (login.otp, login.intent, login.spam) == (True, "APP_LOGIN_OTP", None)
    assert (none.otp, none.intent, none.spam) == (False, "NOT_OTP", None)


def test_columns_of_their_own_say_more_than_one_word():
    header = "text,label,spam,phishing,otp,intent,sender,country,kind\n"
    first, second = read(f"{header}a,spam,,no,0,,,,\nb,,,yes,,app_login_otp,VM-X,IN,odd\n")
    assert (first.spam, first.phishing, first.otp, first.intent) == (True, False, False, None)
    assert (second.spam, second.phishing, second.otp, second.intent) == (True, True, None, "APP_LOGIN_OTP")
    assert (second.sender, second.country, second.kind) == ("VM-X", "IN", "odd")


def test_json_lines():
    rows = [{"text": "a", "spam": True, "country": "DE"}, {"text": "b", "otp": 1, "spam": False, "sender": None}]
    found = read("\n\n".join(map(json.dumps, rows)), "mine.jsonl")
    assert [(e.spam, e.otp, e.country, e.sender) for e in found] == [(True, None, "DE", ""), (False, True, "", "")]


@pytest.mark.parametrize(
    ("content", "name", "line", "field"),
    [
        ("text,label\na,spam\nb,perhaps\n", "a.csv", "line 3", "label"),
        ("text,spam\na,maybe\n", "a.csv", "line 2", "spam"),
        ("text,intent\na,LOGIN\n", "a.csv", "line 2", "intent"),
        ("text,label\na,\n", "a.csv", "line 2", "label"),
        ('{"text": "a", "spam": true}\n{"spam": true}', "a.jsonl", "line 2", "text"),
        ('{"text": 5, "spam": true}', "a.jsonl", "line 1", "text"),
        ("[]", "a.jsonl", "line 1", None),
        (b"text,label\n\xff\xfe,spam\n", "a.csv", "line 2", "text"),
    ],
)
def test_a_bad_line_is_named_and_not_quoted(content: str | bytes, name: str, line: str, field: str | None):
    with pytest.raises(InvalidField, match=line) as caught:
        read(content, name)
    assert caught.value.field == field
    assert "perhaps" not in caught.value.detail


def test_a_file_without_texts_is_refused():
    with pytest.raises(InvalidField, match="text"):
        read("label\nspam\n")


def test_generated_messages_carry_every_kind_of_label():
    found = from_corpus("synthetic", 60)
    assert len(found) == 60
    assert found[:20] == from_corpus("synthetic", 20)
    assert {task for e in found for task in ("spam", "phishing", "otp", "intent") if getattr(e, task)} == {
        "spam",
        "phishing",
        "otp",
        "intent",
    }


def test_an_unknown_corpus_is_refused():
    with pytest.raises(ConfigError, match="nowhere"):
        from_corpus("nowhere")


@pytest.mark.data
def test_the_test_part_of_uci_is_fixed():
    found = from_corpus("uci")
    assert (len(found), sum(e.spam is True for e in found)) == (1032, 128)
