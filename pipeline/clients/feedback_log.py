"""Feedback, in Postgres: the ground truth of experiments, reputation and retraining."""

from typing import Literal

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.feedback import Feedback

_SQL = queries.load("feedback")


class FeedbackLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, feedback: Feedback) -> Literal["stored", "changed", "repeated"]:
        """Keep it, once for each receipt and task: sent again it is "repeated", with another label "changed".

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
        async with self._database.connection() as connection:
            is_new = await connection.fetchval(_SQL["add"], *values)
        if is_new is None:
            return "repeated"
        return "stored" if is_new else "changed"
