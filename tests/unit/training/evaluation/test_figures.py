"""Figures against values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.types import INTENTS
from training.evaluation.figures import (
    intent_figures,
    policy_figures,
    precision_in_traffic,
    qualities,
    task_figures,
)
from training.evaluation.judged import Judged
from training.intervals import UNDEFINED, Figure, share


def rows_of(*cells: tuple[bool | None, bool, float]) -> list[Judged]:
    """(label, decision, score) of phishing."""
    return [
        Judged(set="s", index=i, phishing=label, is_phishing=said, phishing_score=score)
        for i, (label, said, score) in enumerate(cells)
    ]


#: 3 found, 1 missed; 5 left alone, 1 false alarm; one without a label.
PHISHING = rows_of(
    *[(True, True, 0.9)] * 3, (True, False, 0.2), *[(False, False, 0.1)] * 5, (False, True, 0.8), (None, True, 1.0)
)


def test_figures_of_a_task():
    (found,) = task_figures(PHISHING)
    assert (found.task, found.rows, found.positives) == ("phishing", 10, 4)
    assert found.accuracy.value == pytest.approx(8 / 10)
    assert found.fpr.value == pytest.approx(1 / 6)
    assert found.recall.value == pytest.approx(3 / 4)
    assert found.precision.value == pytest.approx(3 / 4)
    assert found.f1 == pytest.approx(3 / 4)
    assert found.mcc.value == pytest.approx((3 * 5 - 1 * 1) / (4 * 4 * 6 * 6) ** 0.5)
    assert found.recall_at_fpr["0.005"].value == pytest.approx(3 / 4)  # those above the highest negative
    assert found.prevalence == 0.001
    assert found.precision_in_traffic.value == pytest.approx(0.00075 / (0.00075 + 0.999 / 6))
    assert found.ece == pytest.approx((3 * 0.1 + 0.8 + 5 * 0.1 + 0.8) / 10)
    assert [each.rows for each in found.bins] == [5, 1, 1, 3]


def test_a_task_without_labels_has_no_figures_and_one_side_alone_leaves_them_undefined():
    assert task_figures([]) == []
    (found,) = task_figures(rows_of((False, False, 0.1), (False, True, 0.9)))
    assert found.fpr.value == 0.5
    assert (found.recall, found.mcc, found.precision_in_traffic) == (UNDEFINED, UNDEFINED, UNDEFINED)
    assert found.f1 is None
    assert found.recall_at_fpr["0.001"] == UNDEFINED


def test_precision_in_traffic_joins_the_worst_ends():
    found = precision_in_traffic(0.05, Figure(0.8, (0.7, 0.9)), Figure(0.01, (0.0, 0.02)))
    assert found.value == pytest.approx(0.04 / (0.04 + 0.0095))
    assert found.interval == pytest.approx((0.035 / (0.035 + 0.019), 1.0))


def test_decisions_on_spam():
    rows = [
        Judged(set="s", index=0, spam=True, is_spam=True, action="flag"),
        Judged(set="s", index=1, spam=True, is_spam=False, action="block"),
        Judged(set="s", index=2, spam=False, is_spam=False, action="flag"),
        Judged(set="s", index=3, is_spam=True, action="block"),
    ]
    found = {each.decision: each.confusion for each in qualities(rows)}
    assert [(c.true_positive, c.false_positive, c.false_negative, c.true_negative) for c in found.values()] == [
        (1, 0, 1, 1),
        (2, 1, 0, 0),
        (1, 0, 1, 1),
    ]


def intents(*pairs: tuple[str, str | None]) -> list[Judged]:
    """(truth, answer); None: nobody could tell whether it is a one-time password."""
    return [
        Judged(set="s", index=i, intent=truth, is_otp=None if said is None else said != "NOT_OTP", otp_intent=said)
        for i, (truth, said) in enumerate(pairs)
    ]


def test_figures_of_intents():
    login, change = "APP_LOGIN_OTP", "APP_ACCOUNT_CHANGE_OTP"
    found = intent_figures(
        intents(
            (login, login),
            (login, change),
            (change, change),
            ("NOT_OTP", "NOT_OTP"),
            (change, "NOT_OTP"),
            (login, None),
        )
    )
    assert found is not None
    assert (found.rows, found.otps, found.untold) == (5, 4, 1)
    assert found.accuracy.value == pytest.approx(3 / 5)
    assert found.otp_accuracy.value == pytest.approx(2 / 4)
    assert found.f1 == {"NOT_OTP": pytest.approx(2 / 3), change: pytest.approx(1 / 2), login: pytest.approx(2 / 3)}
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)
    assert found.confusion[INTENTS.index(login)][INTENTS.index(change)] == 1
    assert intent_figures(PHISHING) is None


@given(st.lists(st.tuples(st.sampled_from(INTENTS), st.sampled_from(INTENTS)), min_size=1, max_size=40))
def test_the_table_of_intents_holds_every_row_once(pairs: list[tuple[str, str]]):
    found = intent_figures(intents(*pairs))
    assert found is not None
    assert sum(map(sum, found.confusion)) == found.rows == len(pairs)
    assert found.accuracy == share(sum(a == b for a, b in pairs), len(pairs))
    assert 0.0 <= found.macro_f1 <= 1.0


def test_policies():
    def under(*actions: str) -> list[Judged]:
        labels = (False, False, True, True, None)
        return [
            Judged(set="s", index=i, spam=s, action=a) for i, (s, a) in enumerate(zip(labels, actions, strict=True))
        ]

    strict, lenient = policy_figures(
        {
            "strict": under("flag", "deliver", "block", "flag", "block"),
            "lenient": under("deliver", "deliver", "flag", "deliver", "flag"),
        }
    )
    assert (strict.fpr.value, strict.blocked_legitimate.value) == (0.5, 0.0)
    assert (strict.recall.value, strict.blocked_spam.value) == (1.0, 0.5)
    assert strict.actions == {"flag": 2, "deliver": 1, "block": 1}
    assert (lenient.policy, lenient.fpr.value, lenient.recall.value) == ("lenient", 0.0, 0.5)
