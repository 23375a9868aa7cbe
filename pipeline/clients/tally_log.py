"""Adds what a replica counted to what all replicas saw, in Postgres, once."""

import msgspec

from pipeline.clients import queries
from pipeline.clients.postgres import Connection, Database
from pipeline.tally import BOUNDS, ArmCounts, Counts, Minute, ShadowCounts, Tally

_SQL = queries.load("tally")


class _Sent(msgspec.Struct, frozen=True):
    transaction: str
    counts: Counts


class TallyLog:
    """While Postgres is away the counts stay in the tally.

    When the connection breaks at a commit, nobody can say whether it took place. So the transaction's id is asked for
    beforehand, and what became of it before anything else is written.
    """

    def __init__(self, database: Database, tally: Tally) -> None:
        self._database = database
        self._tally = tally
        self._sent: _Sent | None = None  #: written, but for all that is known not committed

    async def write(self) -> None:
        """
        Raises:
            Unavailable: Postgres is down or too slow; the counts go with the next call.
        """
        if not await self._settled():
            return
        counts = self._tally.drain()
        if not counts:
            return
        try:
            async with self._database.transaction() as connection:
                begun = await connection.fetchrow(_SQL["transaction"])
                assert begun is not None
                self._sent = _Sent(begun["id"], counts)
                await _add(connection, counts.no_older_than(begun["oldest"]))
        except BaseException:
            if self._sent is None:
                self._tally.restore(counts)
            raise
        self._sent = None

    async def _settled(self) -> bool:
        """Whether it is known what became of the last transaction. What was not committed is in the tally again."""
        if self._sent is None:
            return True
        async with self._database.connection() as connection:
            outcome = await connection.fetchval(_SQL["outcome"], self._sent.transaction)
        if outcome == "in progress":
            return False
        if outcome != "committed":
            self._tally.restore(self._sent.counts)
        self._sent = None
        return True


async def _add(connection: Connection, counts: Counts) -> None:
    """Rows go in the order of their keys, as with every replica: none waits for another that waits for it."""
    if arms := sorted(counts.arms.items(), key=_key):
        await connection.execute(_SQL["add_arms"], *_arm_columns(arms))
    if shadows := sorted(counts.shadows.items(), key=_key):
        await connection.execute(_SQL["add_shadows"], *_shadow_columns(shadows))


def _key(row: tuple[Minute, object]) -> Minute:
    return row[0]


def _arm_columns(rows: list[tuple[Minute, ArmCounts]]) -> tuple[object, ...]:
    tasks, arms, minutes = zip(*(minute for minute, _ in rows), strict=True)
    counted = [counts for _, counts in rows]
    return (
        tasks,
        arms,
        minutes,
        [each.exposures for each in counted],
        [each.failures for each in counted],
        [each.units for each in counted],
        [each.failed_units for each in counted],
        [number for each in counted for number in each.latency],
        len(BOUNDS) + 1,
    )


def _shadow_columns(rows: list[tuple[Minute, ShadowCounts]]) -> tuple[object, ...]:
    keys = zip(*(minute for minute, _ in rows), strict=True)
    return *keys, *zip(*(msgspec.structs.astuple(counts) for _, counts in rows), strict=True)
