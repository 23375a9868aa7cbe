"""What Postgres holds of the labels that were sent."""

import asyncio
import time
from collections import Counter
from collections.abc import Mapping

import msgspec

from pipeline.clients.postgres import Database

_REPLAYED_S = 60.0  #: until what waited in the spool is in Postgres
_ROWS = "select message_id, label from spam_feedback where task = 'spam'"
_HOLDERS = "select id from replicas where stage = $1 and versions->>$2 = 'ready'"


class Labels(msgspec.Struct, frozen=True):
    """Labels that were sent and answered, against rows."""

    sent: int  #: receipts
    rows: int
    lost: int  #: receipts without a row
    doubled: int  #: receipts with several
    wrong: int  #: rows with another label than the last one that was sent
    replayed_s: float  #: from the last answer until nothing was missing

    @property
    def hold(self) -> bool:
        return self.sent == self.rows > 0 and not (self.lost or self.doubled or self.wrong)


async def compare(database_url: str, sent: Mapping[str, str]) -> Labels:
    """
    Args:
        database_url: of Postgres.
        sent: message id to its last label; each message has one receipt.
    """
    database, begun = await Database.open(database_url), time.monotonic()
    try:
        while True:
            async with database.connection() as connection:
                rows = [(row["message_id"], row["label"]) for row in await connection.fetch(_ROWS)]
            found = judge(sent, rows, time.monotonic() - begun)
            if found.hold or found.replayed_s > _REPLAYED_S:
                return found
            await asyncio.sleep(0.2)
    finally:
        await database.close()


def judge(sent: Mapping[str, str], rows: list[tuple[str, str]], seconds: float) -> Labels:
    """
    Args:
        sent: message id to its last label.
        rows: message id and label of each row.
        seconds: of waiting so far.
    """
    counts = Counter(message_id for message_id, _ in rows)
    return Labels(
        sent=len(sent),
        rows=len(rows),
        lost=len(sent.keys() - counts.keys()),
        doubled=sum(count > 1 for count in counts.values()),
        wrong=sum(sent.get(message_id, label) != label for message_id, label in rows),
        replayed_s=seconds,
    )


async def holders(database_url: str, stage: str, version: str) -> set[str]:
    """Ids of all replicas of a stage that ever said that they hold a version."""
    database = await Database.open(database_url)
    try:
        async with database.connection() as connection:
            return {row["id"] for row in await connection.fetch(_HOLDERS, stage, version)}
    finally:
        await database.close()
