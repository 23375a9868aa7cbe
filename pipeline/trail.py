"""Who changed an experiment, from what to what, and why; and the control that an earlier change left behind."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from pipeline.ramps import Ramp
from pipeline.routing import Experiment, StickyBy

Act = Literal["set", "end", "promote", "rollback", "ramp", "advance", "stop"]


class Setup(msgspec.Struct, frozen=True):
    """What an operator sets; see `Experiment`."""

    arms: dict[str, float]  #: empty: none
    sticky_by: StickyBy = "sender"
    shadow: dict[str, float] = {}
    control: str = ""  #: to set: "" leaves the choice to `pipeline.changes.put`
    ramp: Ramp | None = None


class ExperimentChange(msgspec.Struct, frozen=True):
    """One entry of the trail."""

    revision: int
    changed_at: datetime
    changed_by: str
    why: str
    before: Setup | None  #: None: there had never been one
    after: Setup
    act: Act = "set"


class Turn(msgspec.Struct, frozen=True):
    """An entry that changed the control; "" where there was no experiment."""

    act: Act
    before: str
    after: str


def setup_of(experiment: Experiment) -> Setup:
    return Setup(experiment.arms, experiment.sticky_by, experiment.shadow, experiment.control, experiment.ramp)


def earlier_control(turns: Iterable[Turn], default: str = "") -> str:
    """What the control in force took over from; "" when nothing is known.

    A rollback undoes the turn before it, as in an editor: two rollbacks go two turns back, never forth again. An
    experiment took over from the default version, and what was before that experiment is nothing to go back to.

    Args:
        turns: newest first.
        default: the version that answers where there is no experiment.
    """
    undone, current = 0, None
    for turn in turns:
        current = turn.after if current is None else current
        if turn.act == "rollback":
            undone += 1
        elif undone:
            undone -= 1
        else:
            found = turn.before or default
            return found if found != current else ""
        if not turn.before:
            break
    return ""
