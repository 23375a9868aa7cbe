"""Figures of an experiment in words."""

from pipeline.evidence import Evidence


def percent(share: float) -> str:
    """Two digits: "0.2 %", "1.1 %", "99.2 %"."""
    return f"{100 * share:.1f} %" if share >= 0.0095 else f"{100 * share:.2g} %"


def e_value(value: float) -> str:
    return f"{value:.0f}" if value < 1e6 else "over a million"


def figures(evidence: Evidence, *, good: bool = False) -> str:
    """The treatment's rate against the control's.

    Where rates drifted while traffic was shifted, the totals may contradict the evidence, which compares within
    buckets; then it is the events of the treatment against as many as there were, were the arms alike.

    Args:
        good: tell the share of the other rows, "caught" instead of "missed".
    """
    ours, theirs, expected = evidence.treatment.rate, evidence.control.rate, evidence.expected
    if ours is None or theirs is None or (ours - theirs) * (evidence.treatment.events - expected) <= 0:
        return f"{evidence.treatment.events} where {expected:.1f} were to be expected"
    if good:
        ours, theirs = 1 - ours, 1 - theirs
    return f"{percent(ours)} against {percent(theirs)}"
