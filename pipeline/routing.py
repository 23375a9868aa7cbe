"""Which model version answers a message: weighted, sticky, without any state."""

import math
from collections.abc import Container, Iterable, Mapping
from hashlib import blake2b
from typing import Literal, get_args

import msgspec

from pipeline.errors import InvalidField
from pipeline.ramps import Ramp

Task = Literal["spam", "phishing", "otp", "intent"]
StickyBy = Literal["sender", "recipient", "message"]

TASKS: tuple[Task, ...] = get_args(Task)


class Experiment(msgspec.Struct, frozen=True):
    """How the traffic of one task is shared out among versions."""

    task: Task
    arms: dict[str, float]  #: "name/version" to weight; only ratios matter. Empty: the experiment has ended
    sticky_by: StickyBy
    salt: str  #: fixed for the experiment's life: changing it would reshuffle everybody
    revision: int  #: grows by one with every change
    shadow: dict[str, float] = {}  #: "name/version" to the share 0-1 of messages that it sees a copy of
    control: str = ""  #: the arm that the others are compared with
    began: dict[str, int] = {}  #: each other arm to the revision since which it is compared with this control
    ramp: Ramp | None = None


def choose(experiment: Experiment, key: str, ready: Container[str] | None = None) -> str:
    """The arm of `key`, with probability weight / sum of weights, always the same one.

    Args:
        experiment: the weights.
        key: see `sticky_key`.
        ready: arms that can answer; None: all of them. The keys of the others are shared out as the weights say, and
            nobody else moves. "" where none can.

    Every arm draws from an exponential distribution whose rate is its weight, seeded by salt, arm and key; the
    earliest draw wins (weighted rendezvous hashing). An arm's draw depends on nothing but itself, so raising its
    weight only ever moves keys to it, and lowering it only moves keys away from it, in whatever order the arms are
    kept and however many there are. Ranges of cumulative weights do not have this: widening one shifts the bounds
    of its neighbours and moves keys between arms whose weights stayed. With two arms, the share of keys that moves
    is exactly the change of shares; when several weights change at once it is at most 2d / (1 + d), where d is the
    change of shares (total variation), the best that any scheme without memory can do.
    """
    best, earliest = "", math.inf
    for arm, weight in experiment.arms.items():
        if weight > 0.0 and (ready is None or arm in ready):
            draw = -math.log(_uniform(f"{experiment.salt}\0{arm}\0{key}")) / weight
            if draw < earliest or not best:  # of a weight next to nothing the draw is infinite
                best, earliest = arm, draw
    return best


def in_force(
    wished: Iterable[Experiment], routed: Iterable[Experiment], ready: Container[str]
) -> tuple[Experiment, ...]:
    """The experiments that traffic goes by: those that operators set, as far as an arm with weight is ready.

    Args:
        wished: what operators set.
        routed: what traffic went by until now.
        ready: versions that can answer.

    Returns:
        Of each task that `wished` names: that experiment; where none of its arms can answer, the one of before as long
        as it can; else its own.
    """
    before = {each.task: each for each in routed}
    return tuple(_answering(each, before.get(each.task, each), ready) for each in wished)


def _answering(wished: Experiment, before: Experiment, ready: Container[str]) -> Experiment:
    return before if not _can_answer(wished, ready) and _can_answer(before, ready) else wished


def _can_answer(experiment: Experiment, ready: Container[str]) -> bool:
    return any(weight > 0.0 and arm in ready for arm, weight in experiment.arms.items())


def spared(ref: str, experiments: Iterable[Experiment], ready: Container[str]) -> bool:
    """Whether every experiment that gives a version traffic has another arm to give it to."""
    named = [each for each in experiments if each.arms.get(ref)]
    return all(any(weight > 0.0 and arm in ready for arm, weight in e.arms.items() if arm != ref) for e in named)


def copies(experiment: Experiment, key: str) -> list[str]:
    """Shadows that see a copy of the message with this key."""
    return [
        arm for arm, share in experiment.shadow.items() if _uniform(f"{experiment.salt}\0copy\0{arm}\0{key}") < share
    ]


def sticky_key(sticky_by: StickyBy, *, sender: str, recipient: str, message_id: str) -> str:
    """The key to choose by. A message that lacks the field is on its own: all of those on one arm would skew it."""
    if sticky_by == "sender":
        return sender or message_id
    if sticky_by == "recipient":
        return recipient or message_id
    return message_id


def check_arms(arms: Mapping[str, float], shadow: Mapping[str, float] | None = None) -> None:
    """Accept weights that `choose` can share traffic by, and shares of copies.

    Raises:
        InvalidField: a weight is negative or not finite, all are zero, or a shadow's share is not within 0-1.
    """
    for ref, weight in arms.items():
        if not (math.isfinite(weight) and weight >= 0.0):
            raise InvalidField("the weight must be a finite number, 0 or greater", field=f"$.arms['{ref}']")
    if not any(arms.values()):
        raise InvalidField("at least one weight must be greater than 0", field="$.arms")
    for ref, share in (shadow or {}).items():
        if not 0.0 <= share <= 1.0:
            raise InvalidField("the share must be a number from 0 to 1", field=f"$.shadow['{ref}']")


def _uniform(text: str) -> float:
    """A number strictly between 0 and 1: 52 bits, so that neither end is reached by rounding."""
    bits = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 12
    return (bits + 0.5) * 2.0**-52
