from pathlib import Path

import pytest

from tests.support.hash_seed import outputs
from training import corpora
from training.card import card, corpus_card, main
from training.examples import Example


def test_card_counts_each_label() -> None:
    rows = [
        Example(text="a", spam=True, source="x", country="IN", kind="spam"),
        Example(text="b", spam=False, otp=True, intent="APP_LOGIN_OTP", source="y"),
    ]
    text = card(rows)
    assert "2 rows" in text
    assert "| spam | rows |\n|---|---|\n| no | 1 |\n| yes | 1 |" in text
    assert "| APP_LOGIN_OTP | 1 |" in text
    assert "| kind | rows |\n|---|---|\n| spam | 1 |\n| unknown | 1 |" in text


def test_card_of_a_corpus_tells_its_licence_and_its_repetition() -> None:
    texts = ("please call me back", "Please  call me BACK", "please call me back soon", "win a prize", "dinner?")
    rows = [Example(text=text, spam=n == 1, source="uci") for n, text in enumerate(texts)]
    text = corpus_card(corpora.find("uci"), rows)
    assert "## uci\n\nPublished: https://archive.ics.uci.edu" in text
    assert "Licence: CC BY 4.0. May be used to: evaluate, pretrain, train." in text
    for line in (
        "| rows | 5 |",
        "| exact duplicates | 1 |",
        "| rows whose text has two labellings | 2 |",
        "| near-duplicate clusters | 3 |",
        "| rows in clusters of two or more | 3 |",
        "| largest cluster | 3 |",
        "| distinct templates per 10,000 rows | 8,000 |",
        "| share of rows with a near-duplicate | 60.0% |",
    ):
        assert line in text


def test_the_command_describes_what_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / corpora.CORPORA["uci"].files[0]
    file.parent.mkdir()
    file.write_text("ham\tsee you at five\nspam\twin a prize now\n", encoding="utf-8")
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    main([])
    assert capsys.readouterr().out.count("\n## ") == 1
    main(["--synthetic", "100"])
    made = capsys.readouterr().out
    assert made.startswith("# Data card\n\n## synthetic\n")
    assert "Leakage: of 20 rows of synthetic:heldout, " in made
    assert "### synthetic:train" in made and "### synthetic:heldout" in made
    with pytest.raises(SystemExit, match=r"nus_en_55835\.tsv\.gz is missing"):
        main(["--corpus", "nus"])


def test_cards_do_not_depend_on_the_hash_seed() -> None:
    program = (
        "from training.card import corpus_card; from training.corpora import find;"
        "from training.examples import Example;"
        "rows = [Example(text=f'{a} {b} {c} {n}', spam=n == 1, source=a, kind=b, country=c)"
        " for a in 'pqr' for b in 'stu' for c in 'vwx' for n in range(3)];"
        "print(corpus_card(find('uci'), rows))"
    )
    assert len(outputs(program)) == 1
