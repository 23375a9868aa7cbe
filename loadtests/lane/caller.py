"""The load in a process of its own: `python -m loadtests.lane.caller`, a Plan on stdin, what came back on stdout.

As `loadtests.bench.generator`, but every verdict is kept, and read once the clock has stopped.
"""

import asyncio
import gc
import subprocess
import sys
import time
from typing import Any

import msgspec

from configs.settings import ROOT
from loadtests.bench.generator import Open
from loadtests.bench.http1 import Connection, Reply
from loadtests.bench.load import Plan, Result
from pipeline.errors import Unavailable


class Answer(msgspec.Struct, frozen=True):
    """What a message got."""

    index: int  #: of the message in its plan
    status: int  #: of HTTP
    seconds: float  #: from when it was due
    from_send_s: float
    is_otp: bool | None = None
    source: str = ""  #: who named the intent
    intent: str | None = None
    degraded: tuple[str, ...] = ()


class Taken(msgspec.Struct, frozen=True):
    """All that came back."""

    result: Result
    answers: list[Answer]


class Recorder(Open):
    """An open loop that keeps what it hears."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self._kept: list[tuple[Answer, bytes]] = []

    def _answered(self, connection: Connection, reply: Reply) -> None:
        now = time.perf_counter()
        waited = now - connection.since, now - connection.sent
        self._kept.append((Answer(connection.index, reply.status, *waited), reply.body))
        super()._answered(connection, reply)

    def answers(self) -> list[Answer]:
        return [read(answer, body) for answer, body in self._kept]


def read(answer: Answer, body: bytes) -> Answer:
    """An answer with what its body says; without, where that is no verdict."""
    try:
        verdict: Any = msgspec.json.decode(body)
        return msgspec.structs.replace(
            answer,
            is_otp=verdict["is_otp"],
            source=verdict["intent_source"],
            intent=verdict["otp_intent"],
            degraded=tuple(verdict["degraded"]),
        )
    except (msgspec.DecodeError, LookupError, TypeError):
        return answer


async def take(plan: Plan) -> Taken:
    recorder = Recorder(plan)
    result = await recorder.run()
    return Taken(result, recorder.answers())


def call(plan: Plan) -> Taken:
    """Send a plan from another process.

    Raises:
        Unavailable: that process has failed.
    """
    command = [sys.executable, "-m", "loadtests.lane.caller"]
    done = subprocess.run(command, cwd=ROOT, input=msgspec.json.encode(plan), capture_output=True, check=False)
    if done.returncode:
        raise Unavailable(f"the load generator failed:\n{done.stderr.decode(errors='replace')[-2_000:]}")
    return msgspec.json.decode(done.stdout, type=Taken)


def main() -> None:
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(take(plan))))


if __name__ == "__main__":
    main()
