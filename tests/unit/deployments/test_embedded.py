import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from deployments.embedded import EmbeddedBackends, EmbeddedRedis
from pipeline.errors import ConfigError, Unavailable

PARENT = """
import sys, time
from deployments.embedded import EmbeddedBackends
backends = EmbeddedBackends(sys.argv[1]).start()
print(backends.redis.pid, backends.postgres.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


def alive(pid: int | None) -> bool:
    assert pid is not None
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def gone(*pids: int) -> bool:
    """Whether all have ended, after some patience."""
    give_up = time.monotonic() + 20
    while any(alive(pid) for pid in pids) and time.monotonic() < give_up:
        time.sleep(0.02)
    return not any(alive(pid) for pid in pids)


@pytest.fixture
def parent(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process that runs the servers, and their pids."""
    with subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, [int(pid) for pid in process.stdout.readline().split()]
        process.kill()


def test_servers_stop_and_start_again_on_their_data(folder: Path) -> None:
    unfinished = folder / "postgres.new"  # a first run that was killed
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    backends = EmbeddedBackends(folder)
    for _ in range(2):
        with backends:
            pids = [backends.redis.pid, backends.postgres.pid]
            urls = (backends.redis_url, backends.database_url)
            assert all(alive(pid) for pid in pids)
        assert not any(alive(pid) for pid in pids)
        assert urls == (backends.redis_url, backends.database_url)
    assert (folder / "postgres" / "PG_VERSION").exists()


def test_two_servers_run_side_by_side_and_a_folder_has_one_owner(tmp_path: Path) -> None:
    with EmbeddedBackends(tmp_path / "one") as one, EmbeddedBackends(tmp_path / "two") as two:
        assert one.redis_url != two.redis_url and one.database_url != two.database_url
        with pytest.raises(ConfigError, match="in use by another server"):
            EmbeddedBackends(tmp_path / "one").start()
        assert alive(one.redis.pid) and alive(one.postgres.pid)


def test_a_folder_too_deep_for_sockets_works_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20)
    with EmbeddedBackends(deep) as backends:
        assert alive(backends.redis.pid) and alive(backends.postgres.pid)
        assert str(deep) not in backends.redis_url
        assert EmbeddedBackends(deep).database_url == backends.database_url, "another process can find it"


def test_ctrl_c_reaches_the_parent_alone_but_its_death_reaches_all(
    parent: tuple[subprocess.Popen[str], list[int]], folder: Path
) -> None:
    process, pids = parent
    assert os.getpgid(process.pid) not in {os.getpgid(pid) for pid in pids}
    process.kill()
    process.wait()
    with EmbeddedBackends(folder) as backends:
        assert gone(*pids)
        assert alive(backends.redis.pid) and alive(backends.postgres.pid)


def test_what_a_killed_run_left_behind_is_stopped(tmp_path: Path) -> None:
    left = EmbeddedRedis(tmp_path / "redis")
    left.start()
    left_pid = left.pid
    fresh = EmbeddedRedis(tmp_path / "redis")
    fresh.start()
    try:
        assert fresh.pid != left_pid and alive(fresh.pid) and not alive(left_pid)
    finally:
        fresh.stop()
        left.stop()


def test_a_stranger_who_inherited_the_number_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "redis").mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        (tmp_path / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")
        redis = EmbeddedRedis(tmp_path / "redis")
        redis.start()
        redis.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_server_that_cannot_start_says_where_to_look(folder: Path) -> None:
    (folder / "redis").mkdir(parents=True)
    (folder / "redis" / "dump.rdb").write_bytes(b"not a dump")
    with pytest.raises(Unavailable, match=r"redis-server did not start, see .*redis\.log"):
        EmbeddedBackends(folder).start()
    (folder / "redis" / "dump.rdb").unlink()
    with EmbeddedBackends(folder) as backends:
        assert alive(backends.redis.pid), "the failed start let go of the folder"


def test_stopping_what_has_died_already_is_fine(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    redis.start()
    assert redis.pid
    pid = redis.pid
    os.kill(pid, signal.SIGKILL)
    redis.stop()
    assert not alive(pid) and redis.pid is None
