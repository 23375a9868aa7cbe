"""Which versions the stages' replicas hold, in Postgres: each tells for itself, the ingresses read."""

from collections.abc import Mapping

from pipeline.clients import queries
from pipeline.clients.postgres import Database
from pipeline.readiness import Holdings

_SQL = queries.load("fleet")
#: A replica that has not been heard of for so long is gone.
SILENCE_S = 10.0
_FORGOTTEN_S = 3600.0


class Fleet:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def report(self, replica: str, stage: str, versions: Mapping[str, str]) -> None:
        """A sign of life.

        Args:
            replica: its id, unique for ever.
            stage: name of its deployment.
            versions: "name/version" to "ready", or to why it is not.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        async with self._database.connection() as connection:
            await connection.execute(_SQL["report"], replica, stage, dict(versions))
            await connection.execute(_SQL["forget"], _FORGOTTEN_S)

    async def holdings(self) -> Holdings:
        """What each replica that is alive holds, by stage.

        Raises:
            Unavailable: Postgres is down or too slow.
        """
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SQL["alive"], SILENCE_S)
        found: dict[str, list[Mapping[str, str]]] = {}
        for stage, versions in rows:
            found.setdefault(stage, []).append(versions)
        return found
