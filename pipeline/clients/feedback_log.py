"""Feedback, in Postgres: the ground truth of experiments, reputation and retraining."""

from typing import Literal

import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.feedback import Feedback

_SQL = queries.load("feedback")


class Outcome(msgspec.Struct, frozen=True):
    """What became of feedback."""

    status: Literal["stored", "changed", "repeated"]
    replaced: str | None = None  #: the other label that stood there before; None: there was none


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
