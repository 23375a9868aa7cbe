import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deployments.usage import Reading, Used, part, read, used
from pipeline.errors import Unavailable


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """A process below which another one burns CPU whenever it is sent a line."""
    child = (
        "import sys, time\n"
        "for line in sys.stdin:\n"
        "    until = time.process_time() + float(line)\n"
        "    while time.process_time() < until: pass\n"
        "    print('done', flush=True)\n"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        process.wait(10)


def burn(process: subprocess.Popen[str], seconds: float) -> None:
    assert process.stdin and process.stdout
    process.stdin.write(f"{seconds}\n")
    process.stdin.flush()
    assert process.stdout.readline() == "done\n"


def test_cpu_of_a_process_below_is_seen(family: subprocess.Popen[str]):
    burn(family, 0.0)  # it is there now
    before = read(family.pid)
    burn(family, 0.3)
    after = read(family.pid)
    assert len(before.parts) == len(after.parts) == 2
    assert used(before, after)["Ray"].cpu_s >= 0.28  # the clock of processes ticks every 10 ms


def test_a_process_that_was_not_there_before_counts_from_its_start(family: subprocess.Popen[str]):
    burn(family, 0.1)
    assert used(Reading({}, {}), read(family.pid))["Ray"].cpu_s >= 0.08


def test_a_server_that_is_gone_is_said():
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    with pytest.raises(Unavailable, match=str(child.pid)):
        read(child.pid)


def test_a_process_reads_itself():
    assert os.getpid() in {pid for pid, _ in read(os.getpid()).parts}


@pytest.mark.parametrize(
    ("name", "cmdline", "expected"),
    [
        ("ray::ServeReplica", ["ray::ServeReplica:winnow:DistilBert", ""], "DistilBert"),
        ("ray::ServeReplica", ["ray::ServeReplica:winnow:Ingress.check_health"], "Ingress"),
        ("ray::ServeContro", ["ray::ServeController.listen_for_change"], "Ray"),
        ("raylet", ["/somewhere/raylet", "--worker=ray::ServeReplica:winnow:Ingress"], "Ray"),
        ("haproxy", ["/somewhere/haproxy", "-db"], "HAProxy"),
        ("redis-server", ["/somewhere/redis-server"], "Redis"),
        ("postgres", ["postgres: walwriter"], "Postgres"),
        ("winnow", ["python", "winnow", "serve"], "Ray"),
        ("kernel", [], "Ray"),
    ],
)
def test_parts_by_name_and_title(name: str, cmdline: list[str], expected: str):
    assert part(name, cmdline) == expected


def test_replicas_are_counted_and_other_parts_are_one():
    parts = {(1, 0.0): "Ingress", (2, 0.0): "Ingress", (3, 0.0): "Postgres", (4, 0.0): "Postgres", (5, 0.0): "Ray"}
    before = Reading({}, {(1, 0.0): 5.0, (9, 0.0): 7.0})  # 9 has ended
    after = Reading(parts, dict.fromkeys(parts, 6.0))
    assert used(before, after) == {"Ingress": Used(7.0, 2), "Postgres": Used(12.0, 1), "Ray": Used(6.0, 1)}


def test_a_pid_that_is_given_out_again_is_another_process():
    after = Reading({(1, 2.0): "Ray"}, {(1, 2.0): 0.5})
    assert used(Reading({}, {(1, 1.0): 9.0}), after) == {"Ray": Used(0.5, 1)}
