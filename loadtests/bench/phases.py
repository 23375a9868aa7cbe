"""What is measured of each server: the phases of a start, and the rounds of the whole bench."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

import msgspec

from configs.settings import ROOT
from loadtests.bench.load import Plan, Result
from loadtests.bench.messages import BULK, Sizes, Slices
from loadtests.bench.servers import Server, Target, serving
from pipeline.errors import Unavailable

CONNECTIONS = 64
BULKS_AT_ONCE = 2


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of one start of a server."""

    server: str
    setting: str
    phase: str  #: single, one, campaign, bulk; of the bare loop its own
    round: int
    speed: float  #: of the machine just before and after, see `bare.speed`
    messages: float  #: a second
    p50: float | None = None  #: milliseconds a request
    p95: float | None = None
    p99: float | None = None
    raw: Result | None = None


def measure(server: Server, slices: Slices, number: int, speed: Callable[[], float]) -> Iterator[Measurement]:
    """Start a server and send it every phase that suits it; Winnow twice, as bulks need a cold cache of their own.

    Args:
        speed: measures the machine, which other tenants of its host make slower and faster by the minute.

    Raises:
        Unavailable: it does not start, or any answer is not what it should be.
    """

    def phase(target: Target, name: str, plan: Plan, messages: int = 1) -> Measurement:
        before = speed()
        result = checked(target, name, generate(plan))
        return Measurement(
            server=server.name,
            setting=server.setting,
            phase=name,
            round=number,
            speed=(before + speed()) / 2,
            messages=result.rate * messages,
            p50=result.accepted.p50,
            p95=result.accepted.p95,
            p99=result.accepted.p99,
            raw=result,
        )

    def singles(target: Target, name: str, texts: Sequence[str], connections: int = CONNECTIONS) -> Measurement:
        return phase(target, name, target.plan(texts, connections))

    with serving(server) as target:
        singles(target, "warm-up", slices.warm)
        yield singles(target, "single", slices.single)
        yield singles(target, "one", slices.one, connections=1)
        if server.kind == "winnow":
            yield singles(target, "campaign", slices.campaign)
    if server.kind == "winnow":
        with serving(server) as target:
            singles(target, "warm-up", slices.warm)
            yield phase(target, "bulk", target.bulk_plan(slices.bulk, BULKS_AT_ONCE), BULK)


def rounds(
    servers: Sequence[Server],
    slices: Slices,
    sizes: Sizes,
    bare: Callable[[int], Sequence[Measurement]],
    speed: Callable[[], float],
    tell: Callable[[str], None],
) -> list[Measurement]:
    """Every server in turn, and again: a noisy minute then hits one round of a server and not all of them.

    Args:
        bare: measures the loop without a server, in a given round.
        speed: measures the machine, see `measure`.
        tell: hears of each measurement.
    """
    found: list[Measurement] = []
    for number in range(1, sizes.rounds + 1):
        found += bare(number)
        for server in servers:
            for each in measure(server, slices, number, speed):
                found.append(each)
                tell(
                    f"round {number}: {each.server}, {each.setting}: {each.phase} {each.messages:,.0f} messages/s, "
                    f"p50 {each.p50:.1f} ms, p99 {each.p99:.1f} ms"
                )
    return found


def generate(plan: Plan) -> Result:
    """Send a plan from another process.

    Raises:
        Unavailable: the generator itself has failed.
    """
    command = [sys.executable, "-m", "loadtests.bench.generator"]
    done = subprocess.run(command, cwd=ROOT, input=msgspec.json.encode(plan), capture_output=True, check=False)
    if done.returncode:
        raise Unavailable(f"the load generator failed:\n{done.stderr.decode(errors='replace')[-2_000:]}")
    return msgspec.json.decode(done.stdout, type=Result)


def checked(target: Target, name: str, result: Result) -> Result:
    """The result, if every request was answered as it should be.

    Raises:
        Unavailable: says what was not, with the end of the server's log.
    """
    if result.errors or result.answered != result.requests:
        counts = {status: each.count for status, each in result.timings.items()}
        raise Unavailable(
            f"{name}: of {result.requests} requests {result.answered} were answered well; statuses {counts}, "
            f"errors {result.errors}; the server's log ends with:\n{target.process.tail()}"
        )
    return result
