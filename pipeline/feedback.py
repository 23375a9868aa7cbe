"""What a customer says the right label was."""

import msgspec

from pipeline.errors import InvalidField
from pipeline.types import INTENTS

_TASKS = {"spam": "spam", "ham": "spam", "phishing": "phishing", "otp": "otp", "not_otp": "otp"} | dict.fromkeys(
    INTENTS, "intent"
)
_IS_SPAM = {"spam": True, "ham": False}


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """One label for one message, with what the receipt proved about the verdict."""

    tenant: str
    receipt_id: str  #: unique within the tenant; feedback that knows only the message has `for_message(message_id)`
    message_id: str | None = None
    label: str
    text: str | None = None  #: kept for training when the customer sent it
    experiment_task: str = ""
    experiment_arm: str = ""
    experiment_revision: int = 0
    models: dict[str, str] = {}
    scores: dict[str, float] = {}
    sender_key: str = ""

    @property
    def task(self) -> str:
        """What the label is about: "spam", "phishing", "otp" or "intent".

        Raises:
            InvalidField: there is no such label.
        """
        try:
            return _TASKS[self.label]
        except KeyError:
            raise InvalidField(f"must be one of {', '.join(_TASKS)}", field="$.label") from None

    @property
    def spam(self) -> bool | None:
        """What it says of the sender; None: nothing.

        Labels of the task "spam" alone speak: were "phishing" to count too, one receipt could count twice.
        """
        return _IS_SPAM.get(self.label)


def for_message(message_id: str) -> str:
    """Stands for the receipt of a message whose receipt was not kept. No real receipt's id has a colon."""
    return f"message:{message_id}"
