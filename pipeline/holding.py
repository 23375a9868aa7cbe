"""Which loaded versions go when another one needs the room."""

from collections.abc import Collection, Mapping

import msgspec

#: Seconds for which a version that nobody wants any more stays: an ingress that has not heard of it yet may ask for it.
KEPT_S = 600.0


class Held(msgspec.Struct, frozen=True):
    """A loaded version."""

    bytes: int
    last_wanted: float  #: seconds on the monotonic clock


def to_unload(
    held: Mapping[str, Held], wanted: Collection[str], need: int, budget: int, now: float
) -> list[str] | None:
    """Versions that nobody wants, to make room: those first that have not been wanted for longest, and no more.

    Args:
        held: the loaded ones.
        wanted: these stay.
        need: bytes of the version to come.
        budget: bytes of all of them.
        now: seconds on the monotonic clock.

    Returns:
        None where it cannot be made to fit.
    """
    free = budget - sum(each.bytes for each in held.values())
    stale = (ref for ref, each in held.items() if ref not in wanted and now - each.last_wanted > KEPT_S)
    idle = sorted(stale, key=lambda ref: held[ref].last_wanted)
    going: list[str] = []
    for ref in idle:
        if free >= need:
            break
        going.append(ref)
        free += held[ref].bytes
    return going if free >= need else None
