"""What may be set on the command line, in a profile or in the environment, and how it reaches the users."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import gevent  # type: ignore[import-untyped]
from locust import constant, constant_throughput
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from loadtests.messages import Messages
from loadtests.users.caller import Caller

CLOSED_LOOP = ("Single", "Campaign", "Bulk", "Feedback")  #: who calls unless told otherwise: they change no settings


def add(parser: LocustArgumentParser) -> None:
    """The project's own options."""
    group: Any = parser.add_argument_group("Winnow")

    def option(name: str, variable: str, **how: Any) -> None:
        group.add_argument(name, env_var=f"WINNOW_LOAD_{variable}", **how)

    option("--callers", "CALLERS", nargs="+", default=[], help="Kinds of users, as after the options, for profiles")
    option("--rate", "RATE", type=float, default=0.0, help="Requests a second of each user; 0: as answers come")
    option("--texts", "TEXTS", type=int, default=10_000, help="Texts generated before the load starts")
    option("--seed", "SEED", type=int, default=None, help="Equal seeds send equal texts; else the clock's")
    option("--in-flight", "IN_FLIGHT", type=int, default=1_000, help="Most requests under way, of each OpenLoop")
    option(
        "--arms", "ARMS", nargs=2, default=None, help="Versions to shift between; else the default and the newest other"
    )
    option("--step-time", "STEP_TIME", type=float, default=8.0, help="Seconds of each step of a shift")


def apply(environment: Environment, **_: object) -> None:
    """Choose the users and give them what they need; called once in each process, before users start."""
    options: Any = environment.parsed_options
    if not options.user_classes:
        environment.user_classes = _chosen(environment, options.callers or CLOSED_LOOP)
    _check(options, {each.__name__ for each in environment.user_classes})
    Caller.default_headers = {"Authorization": f"Bearer {_key()}"}
    Caller.wait_time = constant_throughput(options.rate) if options.rate else constant(0)
    seed = time.time_ns() % 1_000_000_000 if options.seed is None else options.seed
    Caller.messages = Messages(options.texts, seed)
    gevent.get_hub().loop.update_now()  # its clock stood still meanwhile, and the run time counts from it


def _chosen(environment: Environment, names: list[str] | tuple[str, ...]) -> list[Any]:
    known = {each.__name__: each for each in environment.user_classes}
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"--callers: there is no {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return [known[name] for name in names]


def _check(options: Any, callers: set[str]) -> None:
    if options.rate < 0.0 or options.texts < 1 or options.in_flight < 1:
        sys.exit("--rate must not be negative, --texts and --in-flight must be 1 or more")
    if "OpenLoop" in callers and not options.rate:
        sys.exit("OpenLoop needs --rate: arrivals a second")
    if "Watched" in callers and "Operator" not in callers:
        sys.exit("Watched waits for an Operator: name both")


def _key() -> str:
    """WINNOW_KEY, else the development key of the server in WINNOW_HOME."""
    if key := os.environ.get("WINNOW_KEY"):
        return key
    file = Path(os.environ.get("WINNOW_HOME", ".winnow")) / "development.key"
    try:
        return file.read_text().strip()
    except OSError:
        sys.exit(f"no key: set WINNOW_KEY, or WINNOW_HOME to the server's folder (there is no {file})")
