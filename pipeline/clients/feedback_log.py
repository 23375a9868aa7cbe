"""Feedback, in Postgres: the ground truth of experiments, reputation and retraining."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal

import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.feedback import Feedback, Standing, standing

_SQL = queries.load("feedback")
_PREFETCH = 1000  #: rows a round trip

#: "outdated": another label was given later and stays, though it arrived first.
Status = Literal["stored", "changed", "repeated", "outdated"]


class Outcome(msgspec.Struct, frozen=True):
    """What became of feedback."""

    status: Status
    replaced: str | None = None  #: the other label that stood there before; None: there was none


class LabelledText(msgspec.Struct, frozen=True):
    """Feedback that can teach: a label with the text that it is about."""

    id: int  #: rises with each new row; a change of the label keeps it
    tenant: str
    message: str  #: the tenant's id of the message, or where it gave none the receipt's
    label: str
    text: str
    updated_at: datetime  #: when the label was given
    sender_key: str = ""  #: pseudonym of the sender; "" when unknown


class FeedbackLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, feedback: Feedback) -> Outcome:
        """Keep it, once for each receipt and task; of several labels the one given last holds, and likewise of texts.

        Sent again it is "repeated", with news (another label, a text) "changed".

        Raises:
            InvalidField: the label is unknown.
            NotFound: there is no such tenant.
            Unavailable: Postgres is down or too slow. It may have kept the feedback all the same.
        """
        given = standing(feedback)
        values = (
            feedback.tenant,
            feedback.message_id,
            feedback.receipt_id,
            feedback.task,
            feedback.label,
            feedback.text,
            feedback.arms,
            feedback.decisions,
            feedback.models,
            feedback.scores,
            feedback.sender_key,
            feedback.recipient_key,
            given.labelled_at,
            given.text_given_at,
        )
        async with self._database.transaction() as connection:
            (row,) = await connection.fetch(_SQL["add"], *values)
            if row["is_new"]:
                return Outcome("stored")
            before = Standing(row["label"], row["updated_at"], row["text"], row["text_given_at"], row["message_id"])
            after = before.joined(given)
            if after != before:
                await connection.execute(_SQL["change"], row["id"], *msgspec.structs.astuple(after))
        return _outcome(before, after, given)

    async def ping(self) -> None:
        """Return when Postgres answers.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        async with self._database.connection() as connection:
            await connection.execute(_SQL["ping"])

    async def texts(self, since: datetime | None = None, after: int = 0) -> AsyncIterator[LabelledText]:
        """Feedback that came with a text, by id, as it stood when this began. Holds one connection until the end.

        Args:
            since: only what arrived or was changed from then on by Postgres' clock, whenever it was given.
            after: only rows with a greater id.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        async with self._database.transaction() as connection:
            async for row in connection.cursor(_SQL["with_text"], after, since, prefetch=_PREFETCH):
                yield LabelledText(*row)


def _outcome(before: Standing, after: Standing, given: Standing) -> Outcome:
    if after.label != before.label:
        return Outcome("changed", before.label)
    if after.text != before.text:
        return Outcome("changed")
    return Outcome("repeated" if given.label == before.label else "outdated")
