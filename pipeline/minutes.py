"""What the last minutes of two arms say: how slow they are, and whether one has stopped to answer."""

from collections.abc import Sequence

import msgspec

from pipeline.evidence import Count
from pipeline.tally import quantile_ms

_FEW = 10  #: messages of a minute say nothing of whether an arm answers at all
_MOST = 0.5


class ArmMinute(msgspec.Struct, frozen=True):
    """Of one arm in one minute."""

    arm: str
    minute: int  #: minutes since the epoch
    latency: list[int]  #: see `pipeline.tally`
    requests: Count = Count()


def recent_p99_ms(minutes: Sequence[ArmMinute], arms: tuple[str, ...], least: int) -> dict[str, float]:
    """Of each arm over the same last minutes: as few as it takes the last arm to have `least` messages.

    Nothing where all minutes together are not enough.
    """
    total: dict[str, list[int]] = {}
    for minute in sorted({each.minute for each in minutes}, reverse=True):
        for each in minutes:
            if each.minute == minute:
                known = total.get(each.arm)
                total[each.arm] = [a + b for a, b in zip(known, each.latency, strict=True)] if known else each.latency
        if sum(total.get(arms[-1], ())) >= least:
            found = {arm: quantile_ms(total[arm], 0.99) for arm in arms if arm in total}
            return {arm: p99 for arm, p99 in found.items() if p99 is not None}
    return {}


def broken_minutes(minutes: Sequence[ArmMinute], control: str, treatment: str) -> int:
    """The last minutes, in a row, in which most of the treatment's messages failed, and not the control's.

    Minutes in which one of them had hardly any messages are left out.
    """
    found = {(each.arm, each.minute): each.requests for each in minutes if each.requests.rows >= _FEW}
    both = sorted((minute for name, minute in found if name == treatment and (control, minute) in found), reverse=True)
    for nth, minute in enumerate(both):
        ours, theirs = found[treatment, minute].rate or 0.0, found[control, minute].rate or 0.0
        if not ours > _MOST > theirs:
            return nth
    return len(both)
