"""What a customer says the right label was."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from pipeline.errors import InvalidField
from pipeline.types import INTENTS

_TASKS = {"spam": "spam", "ham": "spam", "phishing": "phishing", "otp": "otp", "not_otp": "otp"} | dict.fromkeys(
    INTENTS, "intent"
)
_IS_SPAM = {"spam": True, "ham": False}


Positive = Annotated[int, msgspec.Meta(ge=1)]


class FeedbackSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How feedback is taken in."""

    spool: str = ".winnow/feedback"  #: folder, absolute or relative to the project, of what waits for Postgres
    spool_mb: Positive = 64  #: most that may wait on one machine, in MiB; about 600 bytes a label, and its text
    #: What one tenant says of one sender counts so many times each way (see `pipeline.reputation`). An installation
    #: with one tenant has nobody to protect from it: set it to a million there.
    reports_per_tenant: Positive = 4


class Feedback(msgspec.Struct, frozen=True, kw_only=True):
    """One label for one message, with what the receipt proved about the verdict."""

    tenant: str
    receipt_id: str  #: unique within the tenant; feedback that knows only the message has `for_message(message_id)`
    message_id: str | None = None
    label: str
    text: str | None = None  #: kept for training when the customer sent it
    arms: dict[str, tuple[str, int]] = {}  #: task to arm and revision, of all experiments that the message was in
    models: dict[str, str] = {}
    decisions: dict[str, str] = {}  #: task to what the verdict said: "spam" or "ham", "phishing" or "not_phishing" …
    scores: dict[str, float] = {}
    sender_key: str = ""
    recipient_key: str = ""
    given_at: float  #: seconds since the epoch; the latest label counts, in whatever order they arrive

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

    @property
    def credited_to(self) -> str | None:
        """The arm of the label's own task; None: no experiment was in force there."""
        return self.arms[self.task][0] if self.task in self.arms else None


class Standing(msgspec.Struct, frozen=True):
    """What holds of one receipt and task, of all that was said of it."""

    label: str
    labelled_at: datetime  #: when the label was given
    text: str | None
    text_given_at: datetime | None
    message_id: str | None

    def joined(self, other: "Standing") -> "Standing":
        """The label given last and the text given last.

        The same in whatever order and however often things are joined: labels that waited out an outage arrive late,
        and some of them twice.
        """
        label = max(self, other, key=lambda one: (one.labelled_at, one.label))
        text = max(self, other, key=lambda one: (one.text_given_at or _NEVER, one.text or ""))
        message_id = max(self.message_id or "", other.message_id or "") or None
        return Standing(label.label, label.labelled_at, text.text, text.text_given_at, message_id)


_NEVER = datetime.min.replace(tzinfo=UTC)


def standing(feedback: Feedback) -> Standing:
    """What holds when nothing else was said."""
    given_at = datetime.fromtimestamp(feedback.given_at, UTC)
    text_given_at = None if feedback.text is None else given_at
    return Standing(feedback.label, given_at, feedback.text, text_given_at, feedback.message_id)


def for_message(message_id: str) -> str:
    """Stands for the receipt of a message whose receipt was not kept. No real receipt's id has a colon."""
    return f"message:{message_id}"
