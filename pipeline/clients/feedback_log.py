"""Feedback, in Postgres: the ground truth of experiments, reputation and retraining."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal

import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.feedback import Feedback

_SQL = queries.load("feedback")
_PREFETCH = 1000  #: rows a round trip


class Outcome(msgspec.Struct, frozen=True):
    """What became of feedback."""

    status: Literal["stored", "changed", "repeated"]
    replaced: str | None = None  #: the other label that stood there before; None: there was none


class LabelledText(msgspec.Struct, frozen=True):
    """Feedback that can teach: a label with the text that it is about."""

    id: int  #: rises with each new row; a change of the label keeps it
    tenant: str
    message: str  #: the tenant's id of the message, or where it gave none the receipt's
    label: str
    text: str
    updated_at: datetime  #: when the label was last set


class FeedbackLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, feedback: Feedback) -> Outcome:
        """Keep it, once for each receipt and task: sent again it is "repeated", with news (another label, or the
        text that was missing) "changed".

        Raises:
            InvalidField: the label is unknown.
            NotFound: there is no such tenant.
        """
        values = (
            feedback.tenant,
            feedback.message_id,
            feedback.receipt_id,
            feedback.task,
            feedback.label,
            feedback.text,
            feedback.experiment_task,
            feedback.experiment_arm,
            feedback.experiment_revision,
            feedback.models,
            feedback.scores,
            feedback.sender_key,
        )
        async with self._database.transaction() as connection:
            (row,) = await connection.fetch(_SQL["add"], *values)
            if row["is_new"]:
                return Outcome("stored")
            relabelled = row["label"] != feedback.label
            if not relabelled and (row["text"] is not None or feedback.text is None):
                return Outcome("repeated")
            text = row["text"] if feedback.text is None else feedback.text
            await connection.execute(_SQL["change"], row["id"], feedback.label, text)
        return Outcome("changed", row["label"] if relabelled else None)

    async def texts(self, since: datetime | None = None, after: int = 0) -> AsyncIterator[LabelledText]:
        """Feedback that came with a text, by id, as it stood when this began. Holds one connection until the end.

        Args:
            since: only what was stored or changed from then on.
            after: only rows with a greater id.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        async with self._database.transaction() as connection:
            async for row in connection.cursor(_SQL["with_text"], after, since, prefetch=_PREFETCH):
                yield LabelledText(*row)
