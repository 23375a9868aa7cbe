"""Load on a running Winnow by several kinds of callers. How to run it: loadtests/README.md."""

from locust import events

from loadtests.users import options
from loadtests.users.closed_loop import Bulk, Campaign, Feedback, Single
from loadtests.users.open_loop import OpenLoop
from loadtests.users.shift import Operator, Watched

__all__ = ["Bulk", "Campaign", "Feedback", "OpenLoop", "Operator", "Single", "Watched"]

events.init_command_line_parser.add_listener(options.add)  # type: ignore[no-untyped-call]
events.init.add_listener(options.apply)  # type: ignore[no-untyped-call]
