import csv
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from training.corpora import load
from training.enron import LONGEST, SHORTEST, enron_examples

COLUMNS = ("Message ID", "Subject", "Message", "Spam/Ham", "Date")


def put(folder: Path, name: str, text: str) -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("latin-1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path, "enron2/ham/0001.1999-12-10.x.ham.txt", "Subject: gas\nlet ' s meet at noon\nthanks ,\nx\n")
    put(tmp_path, "enron1/ham/0002.1999-12-10.x.ham.txt", "Subject: lunch\r\nno caf\xe9 today , sorry .\r\n")
    put(tmp_path, "enron1/ham/0003.1999-12-10.x.ham.txt", f"Subject: long\n{'word ' * 200}\n")
    put(tmp_path, "enron1/ham/0004.1999-12-10.x.ham.txt", "Subject: short\nok\n")
    put(tmp_path, "enron1/spam/0005.2003-12-18.y.spam.txt", "Subject: pills\ncheap pills for you !\n")
    put(tmp_path, "enron1/Summary.txt", "no mail")
    return tmp_path


def write_csv(file: Path, rows: list[tuple[str, ...]], columns: tuple[str, ...] = COLUMNS) -> Path:
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([columns, *rows])
    return file


def test_short_mails_of_all_folders_are_read_in_order(folder: Path) -> None:
    examples = enron_examples(folder)
    assert [(e.text, e.spam, e.phishing, e.kind) for e in examples] == [
        ("no caf\xe9 today, sorry.", False, False, "mail"),
        ("let's meet at noon thanks,", False, False, "mail"),
        ("cheap pills for you!", True, None, "mail_spam"),
    ]
    assert {e.source for e in examples} == {"enron"}
    assert [e.text for e in enron_examples(folder / "enron1")] == ["no caf\xe9 today, sorry.", "cheap pills for you!"]


def test_what_counts_as_short_is_for_the_caller_to_say(folder: Path) -> None:
    assert max(len(e.text) for e in enron_examples(folder, longest=2000)) > LONGEST
    assert max(len(e.text) for e in enron_examples(folder, longest=20)) <= 20


def test_the_bounds_of_the_length_belong_to_it(tmp_path: Path) -> None:
    bodies = ["x" * n for n in (SHORTEST - 1, SHORTEST, LONGEST, LONGEST + 1)]
    file = write_csv(tmp_path / "enron.csv", [("1", "s", body, "ham", "") for body in bodies])
    assert [len(e.text) for e in enron_examples(file)] == [SHORTEST, LONGEST]


def test_one_csv_file_is_read_too(tmp_path: Path) -> None:
    rows = [
        ("1", "gas", "let ' s meet\nat noon", "ham", "1999-12-10"),
        ("2", "pills", "cheap pills for you !", "Spam", "2003-12-18"),
        ("3", "nothing", "", "ham", "1999-12-10"),
        ("4", "huge", "word " * 40_000, "ham", "1999-12-10"),
    ]
    examples = enron_examples(write_csv(tmp_path / "enron.csv", rows))
    assert [(e.text, e.spam) for e in examples] == [("let's meet at noon", False), ("cheap pills for you!", True)]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no folder or file .*nowhere"):
        enron_examples(tmp_path / "nowhere")


def test_half_a_corpus_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "enron1/ham/1.txt", "Subject: a\nhow do you do\n")
    with pytest.raises(ConfigError, match=f"{tmp_path.name} holds no folder spam"):
        enron_examples(tmp_path)


def test_files_of_another_kind_are_refused(folder: Path) -> None:
    put(folder, "enron6/spam/9.txt", "hello there everybody\nsecret words\n")
    with pytest.raises(ConfigError, match=r"enron6/spam/9\.txt does not start with a subject") as error:
        enron_examples(folder)
    assert "secret" not in error.value.detail


def test_tables_of_another_kind_are_refused(tmp_path: Path) -> None:
    other = write_csv(tmp_path / "other.csv", [("a", "b")], ("Message", "Class"))
    with pytest.raises(ConfigError, match=r"other\.csv has no column spam/ham or label"):
        enron_examples(other)
    wrong = write_csv(tmp_path / "wrong.csv", [("1", "s", "two\nlines", "ham", ""), ("2", "s", "b", "maybe", "")])
    with pytest.raises(ConfigError, match=r"wrong\.csv, line 4: the label is neither"):
        enron_examples(wrong)


def test_the_corpus_is_found_by_its_variable(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_ENRON", str(folder))
    assert load("enron") == enron_examples(folder)
    monkeypatch.delenv("WINNOW_ENRON")
    with pytest.raises(ConfigError, match="WINNOW_ENRON is not set"):
        load("enron")
