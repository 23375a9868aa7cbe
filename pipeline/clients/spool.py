"""Feedback that Postgres could not take, on disk until it can."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from pipeline.errors import Unavailable
from pipeline.feedback import Feedback

_PAGE_BYTES = 4096
_BUSY_S = 5.0  # longest wait for another replica that is writing
_RETRY_AFTER_S = 10.0

_SCHEMA = "create table if not exists waiting (id integer primary key autoincrement, feedback blob not null)"
_ADD = "insert into waiting (feedback) values (?)"
_OLDEST = "select id, feedback from waiting where id > ? order by id limit ?"
_FORGET = "delete from waiting where id = ?"
_COUNT = "select count(*) from waiting"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Feedback).decode

T = TypeVar("T")


class Waiting(msgspec.Struct, frozen=True):
    """Feedback in the spool."""

    id: int  #: rises in the order in which feedback came, of all replicas
    feedback: Feedback | None  #: None: this version cannot read it


class Spool:
    """A SQLite file that all replicas of a machine share; what a dead one left in it, the others see.

    What was kept survives a crash of the process and of the machine. Only the owner can read the file, as it holds
    texts of messages; what was taken out is overwritten. SQLite runs in a thread of its own, one call after the other.

    Args:
        folder: on a local disk; made when missing.
        database_url: where the feedback belongs. Each database has a file of its own, so that servers that share a
            folder cannot mistake each other's feedback; who logs in does not matter.
        most_bytes: size of the file. Beside it SQLite keeps a log of some megabytes.
    """

    def __init__(self, folder: Path, database_url: str, most_bytes: int) -> None:
        self.path = folder / f"{_address(database_url)}.sqlite"
        self._most_pages = max(8, most_bytes // _PAGE_BYTES)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._connection: sqlite3.Connection | None = None
        self._turn: int | None = None  # the open lock file, while this replica has the turn

    async def keep(self, feedback: Feedback) -> None:
        """Return when it is safe on disk.

        Raises:
            Unavailable: the spool is full, or the disk fails.
        """
        await self._run(lambda connection: connection.execute(_ADD, (_encode(feedback),)))

    async def oldest(self, most: int, after: int = 0) -> list[Waiting]:
        """The first that wait, at most so many; only those with a greater id than `after`.

        Raises:
            Unavailable: the disk fails.
        """
        rows = await self._run(lambda connection: connection.execute(_OLDEST, (after, most)).fetchall())
        return [Waiting(row_id, _read(packed)) for row_id, packed in rows]

    async def forget(self, ids: Sequence[int]) -> None:
        """Take these out, all or none, so that nothing of them is left on disk; some may be gone already.

        Raises:
            Unavailable: the disk fails.
        """

        def delete(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                connection.executemany(_FORGET, [(row_id,) for row_id in ids])
            connection.execute("pragma wal_checkpoint(truncate)")

        await self._run(delete)

    async def count(self) -> int:
        """How many wait.

        Raises:
            Unavailable: the disk fails.
        """
        rows = await self._run(lambda connection: connection.execute(_COUNT).fetchall())
        return int(rows[0][0])

    async def take_turn(self) -> bool:
        """Become the one replica that takes out; False while another one is. The kernel ends a dead replica's turn.

        Raises:
            Unavailable: the disk fails.
        """
        return await self._run(lambda _: self._lock())

    async def end_turn(self) -> None:
        """Let the others take out."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._unlock)

    async def close(self) -> None:
        """Let go of the file; what waits stays in it."""
        await self.end_turn()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._attempt, work)

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = _connect(self.path, self._most_pages)
            return work(self._connection)
        except (sqlite3.Error, OSError) as error:
            raise _unavailable(error) from None  # SQLite's words may quote what was written

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _lock(self) -> bool:
        file = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return False
        self._turn = file
        return True

    def _unlock(self) -> None:
        if self._turn is not None:
            os.close(self._turn)
        self._turn = None


def _connect(path: Path, most_pages: int) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone_in(path.parent):  # two at once cannot both switch a new file to WAL
        with suppress(FileExistsError):  # O_EXCL: closing a file that SQLite has open would end SQLite's locks on it
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # the log beside it gets the same mode
        connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
        connection.execute(f"pragma page_size = {_PAGE_BYTES}")
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = full")  # every transaction is on disk before it is answered
        connection.execute("pragma secure_delete = on")
        connection.execute(f"pragma max_page_count = {most_pages}")
        connection.execute(_SCHEMA)
    return connection


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _read(packed: bytes) -> Feedback | None:
    try:
        return _decode(packed)
    except msgspec.MsgspecError:
        return None


def _address(database_url: str) -> str:
    """Names a database by where it is, without user and password."""
    url = urlsplit(database_url)
    places = [(key, value) for key, value in parse_qsl(url.query) if key in ("host", "port", "dbname")]
    place = (url.netloc.rpartition("@")[2], url.path, sorted(places))
    return blake2b(repr(place).encode(), digest_size=8).hexdigest()


def _unavailable(error: Exception) -> Unavailable:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        why = "the database is away, and the spool is full"
    else:
        why = f"neither the database nor the disk takes it ({type(error).__name__})"
    return Unavailable(f"feedback cannot be kept: {why}", retry_after_s=_RETRY_AFTER_S)
