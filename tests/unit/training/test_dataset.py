from pathlib import Path

import numpy as np
import pytest

from pipeline.types import INTENTS
from tests.support import tiny_corpora
from training.dataset import UNKNOWN, DataSettings, build, merge_duplicates, to_rows, weigh
from training.examples import Example

EXAMPLES = [
    Example(
        text="Your  cоde is 1234", sender="HDFC", spam=False, phishing=False, otp=True, intent=INTENTS[2], source="a"
    ),
    Example(text="\u200b\u200b", spam=False, phishing=False, otp=False, source="b"),
    Example(text="WIN now", spam=True, phishing=None, otp=False, source="uci", kind="spam"),
    Example(text="20 % off for members", spam=False, phishing=False, otp=False, source="a", kind="asked_for"),
]


def test_rows_are_canonical_and_keep_what_is_not_known_apart() -> None:
    rows = to_rows(EXAMPLES)
    assert rows.texts == ["Your code is 1234", "WIN now", "20 % off for members"]
    assert rows.senders == ["HDFC", "", ""]
    assert rows.spam.tolist() == [0, 1, 0]
    assert rows.phishing.tolist() == [0, UNKNOWN, 0]
    assert rows.intent.tolist() == [2, UNKNOWN, UNKNOWN]


def test_advertising_does_not_move_the_thresholds() -> None:
    assert to_rows(EXAMPLES).legitimate.tolist() == [True, False, False]


@pytest.mark.parametrize("chosen", [np.asarray([2, 0]), np.asarray([True, False, True])])
def test_taking_rows_takes_every_column(chosen: np.ndarray) -> None:
    rows = to_rows(EXAMPLES).take(chosen)
    order = [2, 0] if chosen.dtype != np.bool_ else [0, 2]
    assert rows.texts == [to_rows(EXAMPLES).texts[i] for i in order]
    assert rows.intent.tolist() == [to_rows(EXAMPLES).intent[i] for i in order]
    assert len(rows) == 2


def test_weights_go_by_source() -> None:
    assert weigh(to_rows(EXAMPLES), DataSettings(weights={"uci": 4.0})).tolist() == [1.0, 4.0, 1.0]


def test_duplicates_complete_each_other_where_they_agree() -> None:
    prize = Example(text="You won! Call now", spam=True, phishing=None, otp=False, source="uci")
    again = Example(text="you WON! call  now", spam=True, phishing=True, otp=False, source="mishra_soni")
    other = Example(text="you won! call now", spam=False, phishing=False, otp=False, source="feedback")
    assert [(e.source, e.phishing) for e in merge_duplicates([prize, again])] == [("uci", True)]
    assert [(e.spam, e.phishing) for e in merge_duplicates([prize, other])] == [(True, None)]


def test_sources_are_counted_and_fingerprinted_and_more_messages_change_their_own_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WINNOW_DATA", str(tiny_corpora.write(tmp_path)))
    settings = DataSettings(nus=40, nus_validation=20, synthetic=50, synthetic_validation=20)
    more = [Example(text=f"{word} tips, reply in", spam=True, source="feedback") for word in ("hot", "cold", "dry")]
    plain, again, taught = build(settings), build(settings), build(settings, extra=more)
    assert plain.sources == again.sources
    assert all(len(source.sha256) == 64 for source in plain.sources)
    added = [source for source in taught.sources if source not in plain.sources]
    assert {source.name for source in added} == {"feedback"}
    assert sum(source.rows for source in added) == 3
    assert np.sum(taught.train.sources == "feedback") + np.sum(taught.validation.sources == "feedback") == 3
