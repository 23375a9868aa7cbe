from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from training.corpora import CORPORA
from training.dedupe import exact_key
from training.sets import read_set


def write(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


@pytest.fixture
def uci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small made-up UCI."""
    words = ("apple", "river", "stone", "cloud", "tiger")
    lines = [f"ham\t{a} {b} {c} today\n" for a in words for b in words for c in words]
    file = tmp_path / CORPORA["uci"].files[0]
    file.parent.mkdir()
    file.write_text("".join(lines), encoding="utf-8")
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    return file


def test_a_corpus_and_its_parts_are_sets(uci: Path) -> None:
    whole, train, test = (read_set(name) for name in ("uci", "uci:train", "uci:test"))
    assert len(whole) == 125
    assert len(train) + len(test) == 125
    assert not {exact_key(e.text) for e in train} & {exact_key(e.text) for e in test}


def test_files_are_sets_of_their_texts(tmp_path: Path) -> None:
    table = write(tmp_path, "mine.csv", '\ufeffid,text\n1,"two\nlines"\n2,"  "\n3,bye\n')
    lines = write(tmp_path, "mine.jsonl", '{"text": "two", "id": 1}\n\n{"text": "bye"}\n')
    assert [(e.text, e.source, e.spam) for e in read_set(table)] == [
        ("two\nlines", "mine", None),
        ("bye", "mine", None),
    ]
    assert [e.text for e in read_set(lines)] == ["two", "bye"]


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "id,body\n1,secret\n", "a.csv has no column text"),
        ("a.csv", "id,text\n1,ok\nsecret\n", "a.csv, line 3: the row is too short"),
        ("a.jsonl", '{"text": "ok"}\n{"body": "secret"}\n', "a.jsonl, line 2"),
        ("a.jsonl", "secret\n", "a.jsonl, line 1"),
        ("a.txt", "secret\n", "neither a set"),
    ],
)
def test_malformed_files_are_refused_by_line_without_their_words(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    with pytest.raises(ConfigError) as error:
        read_set(write(tmp_path, name, text))
    assert problem in error.value.detail
    assert "secret" not in error.value.detail


def test_files_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    for name in ("x.csv", "x.jsonl"):
        (tmp_path / name).write_bytes(b'text\n"{\xff}\n')
        with pytest.raises(ConfigError, match=name):
            read_set(str(tmp_path / name))


def test_unknown_sets_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"'uci:tset' is neither a set \(uci, .*synthetic:heldout, feedback\)"):
        read_set("uci:tset")


def test_feedback_asks_for_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(ConfigError, match="DATABASE_URL is not set"):
        read_set("feedback")
