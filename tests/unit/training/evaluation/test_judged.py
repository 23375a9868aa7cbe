import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Overloaded
from pipeline.types import Verdict
from training.evaluation.judged import Judged, answered, columns, decode, encode, judge
from training.examples import Example

VERDICT = Verdict(
    message_id="1", status="complete", action="flag", is_spam=True, spam_score=0.9, is_phishing=False,
    phishing_score=0.2, is_otp=False, otp_score=0.1, otp_intent=None, intent_source="none", reasons=(),
    decided_by="gate", models={}, experiment=None, cache="miss", degraded=(), receipt="r",
)  # fmt: skip


def test_labels_stand_beside_the_answer():
    example = Example(text="Хочешь приз?", spam=True, otp=False, source="x", country="RU", kind="prize")
    row = judge("mine", 3, example, VERDICT)
    assert (row.set, row.index, row.country, row.kind, row.script) == ("mine", 3, "RU", "prize", "Cyrillic")
    assert row.labels == (True, None, False, None)
    assert (row.is_spam, row.score("spam"), row.action, row.decided_by) == (True, 0.9, "flag", "gate")


def test_a_message_without_an_answer_keeps_its_labels():
    row = judge("mine", 0, Example(text="hi", spam=False, source="x"), Overloaded("full"))
    assert (row.error, row.spam, row.is_spam) == ("overloaded", False, None)
    assert answered([row]) == []


def test_nothing_of_the_text_is_written():
    example = Example(text="unmistakable words", spam=True, source="x")
    assert b"unmistakable" not in encode([judge("mine", 0, example, VERDICT)])


@given(
    st.lists(
        st.builds(
            Judged,
            set=st.text(max_size=5),
            index=st.integers(0, 9),
            spam=st.none() | st.booleans(),
            is_otp=st.none() | st.booleans(),
            spam_score=st.none() | st.floats(0, 1),
            action=st.sampled_from(("deliver", "block")),
        ),
        max_size=5,
    )
)
def test_lines_come_back_as_they_were(rows: list[Judged]):
    assert decode(encode(rows)) == rows


def test_foreign_lines_are_refused():
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"set": 1}\n')


def test_columns_hold_what_is_labelled_and_know_what_nobody_could_tell():
    rows = [
        Judged(set="s", index=0, spam=True, is_spam=True, spam_score=0.9),
        Judged(set="s", index=1, spam=False),
        Judged(set="s", index=2, phishing=True, is_spam=True, spam_score=0.8),
    ]
    cells = columns(rows, "spam")
    assert (cells.labels.tolist(), cells.decided.tolist()) == ([True, False], [True, False])
    assert cells.scores[0] == 0.9 and math.isnan(cells.scores[1])
    assert cells.scored.labels.tolist() == [True]


@pytest.mark.parametrize(
    ("is_otp", "intent", "said"),
    [(None, None, None), (False, None, "NOT_OTP"), (True, "APP_LOGIN_OTP", "APP_LOGIN_OTP"), (True, None, "NOT_OTP")],
)
def test_the_intent_that_was_said(is_otp: bool | None, intent: str | None, said: str | None):
    assert Judged(set="s", index=0, is_otp=is_otp, otp_intent=intent).said_intent == said
