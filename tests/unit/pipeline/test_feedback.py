import pytest

from pipeline.errors import InvalidField
from pipeline.feedback import Feedback
from pipeline.types import INTENTS


def feedback(label: str) -> Feedback:
    return Feedback(tenant="acme", receipt_id="r-1", label=label)


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
