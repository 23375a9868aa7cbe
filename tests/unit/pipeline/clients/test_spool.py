"""The spool on a real disk."""

import asyncio
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.clients.spool import Spool
from pipeline.errors import Unavailable
from pipeline.feedback import Feedback

URL = "postgresql://winnow:secret@db:5432/winnow"
TEXT = "Dear Zebediah, your parcel waits"

WRITER = """
import asyncio, os, signal, sys
from pathlib import Path
from pipeline.clients.spool import Spool
from pipeline.feedback import Feedback

async def main():
    spool = Spool(Path(sys.argv[1]), sys.argv[2], 2**20)
    assert await spool.take_turn()
    for n in range(5):
        await spool.keep(Feedback(tenant="acme", receipt_id=f"r-{n}", label="spam", given_at=float(n)))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def feedback(number: int, text: str | None = None) -> Feedback:
    arms = {"spam": ("distilbert/4", 3)}
    return Feedback(tenant="acme", receipt_id=f"r-{number}", label="spam", arms=arms, given_at=number + 0.25, text=text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "spool"


@pytest.fixture
async def spool(folder: Path) -> AsyncIterator[Spool]:
    made = Spool(folder, URL, 2**20)
    yield made
    await made.close()


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def receipts(spool: Spool) -> list[str]:
    return [waiting.feedback.receipt_id for waiting in await spool.oldest(1000) if waiting.feedback]


async def test_what_is_kept_comes_out_in_order(spool: Spool) -> None:
    said = [feedback(n, TEXT) for n in range(5)]
    for one in said:
        await spool.keep(one)
    waiting = await spool.oldest(10)
    assert [one.feedback for one in waiting] == said
    assert await spool.oldest(2) == waiting[:2]
    assert await spool.oldest(2, after=waiting[1].id) == waiting[2:4]
    await spool.forget([one.id for one in waiting[:3]])
    await spool.forget([waiting[0].id])
    assert await spool.oldest(10) == waiting[3:]
    assert await spool.count() == 2


async def test_replicas_share_it(spool: Spool, folder: Path) -> None:
    others = [Spool(folder, URL, 2**20) for _ in range(4)]
    await asyncio.gather(*(other.keep(feedback(n)) for n in range(10) for other in others))
    assert await spool.count() == 40
    for other in others:
        await other.close()


async def test_one_replica_at_a_time_has_the_turn(spool: Spool, folder: Path) -> None:
    other = Spool(folder, URL, 2**20)
    assert await spool.take_turn()
    assert not await other.take_turn()
    await spool.end_turn()
    assert await other.take_turn()
    await other.close()
    assert await spool.take_turn(), "who leaves ends its turn"


async def test_what_a_killed_replica_kept_is_there(spool: Spool, folder: Path) -> None:
    writer = await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, str(folder), URL)
    assert await writer.wait() == -signal.SIGKILL
    assert await receipts(spool) == [f"r-{n}" for n in range(5)]
    assert await spool.take_turn(), "the dead have no turn"


async def test_a_full_spool_says_so_and_takes_more_once_there_is_room(folder: Path) -> None:
    spool = Spool(folder, URL, 2**16)
    kept = 0
    with pytest.raises(Unavailable, match="full") as refused:
        for kept in range(1000):
            await spool.keep(feedback(kept, TEXT * 10))
    assert refused.value.retry_after_s and refused.value.field is None
    assert 0 < kept < 1000 and await receipts(spool) == [f"r-{n}" for n in range(kept)]
    assert spool.path.stat().st_size <= 2**16
    await spool.forget([one.id for one in await spool.oldest(kept)])
    await spool.keep(feedback(0, TEXT * 10))
    assert await spool.count() == 1
    await spool.close()


async def test_only_the_owner_may_read_it_and_nothing_remains(spool: Spool, folder: Path) -> None:
    old = os.umask(0)
    try:
        await spool.keep(feedback(1, TEXT))
        await spool.take_turn()
    finally:
        os.umask(old)
    assert len(contents(folder)) >= 3, "the file, its log and its lock"
    assert {mode(folder / name) for name in contents(folder)} == {0o600}
    assert mode(folder) == 0o700
    assert any(b"Zebediah" in content for content in contents(folder).values())
    await spool.forget([one.id for one in await spool.oldest(1)])
    assert not any(b"Zebediah" in content for content in contents(folder).values())


async def test_a_crash_of_the_machine_loses_nothing_that_was_answered(spool: Spool) -> None:
    await spool.keep(feedback(1))

    def level(connection: sqlite3.Connection) -> tuple[object, object]:
        return (
            connection.execute("pragma synchronous").fetchone()[0],
            connection.execute("pragma journal_mode").fetchone()[0],
        )

    assert await spool._run(level) == (2, "wal")  # 2: full


async def test_what_this_version_cannot_read_is_marked(spool: Spool) -> None:
    await spool.keep(feedback(1))
    other = sqlite3.connect(spool.path)
    with other:
        other.execute("insert into waiting (feedback) values (?)", (b"\xc1",))
    other.close()
    assert [waiting.feedback for waiting in await spool.oldest(10)] == [feedback(1), None]


@pytest.mark.parametrize("spoil", ["no folder", "no database"])
async def test_a_disk_that_fails_is_unavailable(tmp_path: Path, spoil: str) -> None:
    spool = Spool(tmp_path / "spool", URL, 2**20)
    if spoil == "no folder":
        (tmp_path / "spool").write_text("in the way")
    else:
        spool.path.parent.mkdir()
        spool.path.write_bytes(TEXT.encode() * 1000)
    with pytest.raises(Unavailable) as failed:
        await spool.keep(feedback(1, TEXT))
    assert "Zebediah" not in f"{failed.value} {failed.value.__cause__}"
    await spool.close()


@pytest.mark.parametrize(
    ("url", "is_same"),
    [
        ("postgresql://other:password@db:5432/winnow", True),
        (URL + "?sslmode=require", True),
        ("postgresql://winnow:secret@db:5432/another", False),
        ("postgresql://winnow:secret@db2:5432/winnow", False),
        ("postgresql://postgres@/postgres?host=%2Fone", False),
    ],
)
async def test_each_database_has_a_file_of_its_own(spool: Spool, folder: Path, url: str, is_same: bool) -> None:
    assert (Spool(folder, url, 2**20).path == spool.path) is is_same


def test_embedded_databases_are_told_apart(folder: Path) -> None:
    urls = [f"postgresql://postgres@/postgres?host={name}" for name in ("%2Fone", "%2Ftwo")]
    assert len({Spool(folder, url, 2**20).path for url in urls}) == 2
