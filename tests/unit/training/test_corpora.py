from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from training.corpora import CORPORA, data_root, data_source, find, load, present, pretraining_texts, training_examples
from training.dedupe import exact_key, uci_split, without_twins
from training.leakage import leakage

EVALUATION_ONLY = ("samsung", "seed_synthetic")


def put(root: Path, corpus: str, *texts: str) -> Path:
    for file, text in zip(CORPORA[corpus].files, texts, strict=True):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("name", EVALUATION_ONLY)
def test_evaluation_only_corpora_are_refused_for_training(name: str) -> None:
    with pytest.raises(ConfigError, match="evaluate only"):
        training_examples([name])
    with pytest.raises(ConfigError, match="evaluate only"):
        pretraining_texts([name])


def test_pretraining_corpora_are_refused_for_training() -> None:
    with pytest.raises(ConfigError, match="pretrain only"):
        training_examples(["dstc8"])


def test_missing_file_is_named_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"SMSSpamCollection is missing.*archive\.ics\.uci\.edu"):
        load("uci", tmp_path)


def test_unknown_corpus_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no corpus is called 'nothing'.*uci"):
        find("nothing")


def test_data_root_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path))
    assert data_root() == tmp_path
    monkeypatch.setenv("WINNOW_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="nowhere"):
        data_root()


def test_uci_rows_say_nothing_of_phishing_in_their_spam(tmp_path: Path) -> None:
    ham, spam = load("uci", put(tmp_path, "uci", "ham\tsee you\nspam\twin a prize\n"))
    assert (ham.spam, ham.phishing, ham.kind) == (False, False, "chat")
    assert (spam.spam, spam.phishing, spam.kind) == (True, None, "spam")


def test_mishra_soni_drops_conflicting_texts_and_ignores_case_of_labels(tmp_path: Path) -> None:
    rows = "LABEL,TEXT,URL,EMAIL,PHONE\nham,hi,,,\nSmishing,your bank is locked,,,\nSpam,buy now,,,\nspam,HI,,,\n"
    examples = load("mishra_soni", put(tmp_path, "mishra_soni", rows))
    assert [(e.text, e.spam, e.phishing) for e in examples] == [
        ("your bank is locked", True, True),
        ("buy now", True, False),
    ]


def test_india_keeps_promotions_only(tmp_path: Path) -> None:
    rows = "Msg,Label\nRecharge now i.example.in/x,spam\nok bro,ham\nYour OTP is 1234,spam\n????? ??? ???,spam\n"
    examples = load("india_junioralive", put(tmp_path, "india_junioralive", rows))
    assert [e.text for e in examples] == ["Recharge now i.example.in/x"]


def test_present_corpora_have_all_their_files(tmp_path: Path) -> None:
    assert present(tmp_path) == []
    put(put(tmp_path, "uci", "ham\thello\n"), "thai", "", "", "", "")
    (tmp_path / "samsung_india_2017").mkdir()
    (tmp_path / "samsung_india_2017/dev_sms.csv.gz").touch()
    assert present(tmp_path) == ["uci", "thai"]


def test_data_source_states_the_licence() -> None:
    assert data_source("uci", 10, "train").licence == "CC BY 4.0"


@pytest.mark.data
@pytest.mark.parametrize(("name", "least"), [("uci", 5574), ("thai", 1400), ("seed_synthetic", 2200), ("nus", 55000)])
def test_published_corpora_are_read_whole(name: str, least: int) -> None:
    examples = load(name)
    assert len(examples) >= least
    assert all(example.text.strip() for example in examples)


@pytest.mark.data
def test_uci_split_is_fixed_and_its_test_part_stays_unknown_to_training() -> None:
    split = uci_split(load("uci"))
    assert len(split.train) == 4126
    assert len(split.test) == 1032
    assert 0.10 < sum(bool(e.spam) for e in split.test) / len(split.test) < 0.15
    assert leakage(split.train, split.test).near == 0
    others = without_twins(load("mishra_soni"), split.test)
    assert leakage(others, split.test).near == 0
    assert not {exact_key(e.text) for e in others} & {exact_key(e.text) for e in split.test}
