from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InvalidField
from pipeline.feedback import Feedback, Standing, standing
from pipeline.types import INTENTS


def feedback(label: str, given_at: float = 0.0, text: str | None = None) -> Feedback:
    return Feedback(tenant="acme", receipt_id="r-1", label=label, given_at=given_at, text=text)


said = st.builds(
    feedback, st.sampled_from(["spam", "ham"]), st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from([None, "", "a", "b"])
)


@pytest.mark.parametrize(
    ("label", "task", "spam"),
    [
        ("spam", "spam", True),
        ("ham", "spam", False),
        ("phishing", "phishing", None),
        ("otp", "otp", None),
        ("not_otp", "otp", None),
        *((intent, "intent", None) for intent in INTENTS),
    ],
)
def test_a_label_speaks_of_one_task(label: str, task: str, spam: bool | None) -> None:
    assert (feedback(label).task, feedback(label).spam) == (task, spam)


def test_an_unknown_label_is_refused() -> None:
    with pytest.raises(InvalidField) as refused:
        _ = feedback("SPAM").task
    assert refused.value.field == "$.label"


def test_a_label_is_credited_to_the_arm_of_its_own_task() -> None:
    arms = {"spam": ("distilbert/4", 3), "otp": ("lightgbm/2", 1)}
    credited = {
        label: Feedback(tenant="acme", receipt_id="r-1", label=label, arms=arms, given_at=0.0).credited_to
        for label in ("ham", "not_otp", "phishing")
    }
    assert credited == {"ham": "distilbert/4", "not_otp": "lightgbm/2", "phishing": None}


def test_the_label_and_the_text_given_last_hold() -> None:
    holds = standing(feedback("spam", 1.0, "whole")).joined(standing(feedback("ham", 3.0)))
    assert (holds.label, holds.labelled_at.timestamp(), holds.text) == ("ham", 3.0, "whole")
    holds = holds.joined(standing(feedback("spam", 2.0, "later")))
    assert (holds.label, holds.text) == ("ham", "later"), "an earlier label may bring the later text"


@given(st.lists(said, min_size=1, max_size=4))
def test_neither_order_nor_repetition_matters(given_labels: list[Feedback]) -> None:
    holds = {reduce(Standing.joined, map(standing, (*order, *order[:2]))) for order in permutations(given_labels)}
    assert len(holds) == 1
    assert holds.pop().labelled_at.timestamp() == max(one.given_at for one in given_labels)
