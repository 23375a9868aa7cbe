"""Which loaded versions go when another one needs the room."""

from collections.abc import Collection, Mapping

import msgspec


class Held(msgspec.Struct, frozen=True):
    """A loaded version."""

    bytes: int
    last_wanted: float  #: seconds on the monotonic clock


def to_unload(held: Mapping[str, Held], wanted: Collection[str], need: int, budget: int) -> list[str] | None:
    """Versions that nobody wants, to make room: those first that have not been wanted for longest, and no more.

    Args:
        held: the loaded ones.
        wanted: these stay.
        need: bytes of the version to come.
        budget: bytes of all of them.

    Returns:
        None where it cannot be made to fit.
    """
    free = budget - sum(each.bytes for each in held.values())
    idle = sorted((ref for ref in held if ref not in wanted), key=lambda ref: held[ref].last_wanted)
    going: list[str] = []
    for ref in idle:
        if free >= need:
            break
        going.append(ref)
        free += held[ref].bytes
    return going if free >= need else None
