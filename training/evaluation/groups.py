"""What happens to each kind, country and script: where a filter does harm, the mean hides it."""

from collections import defaultdict
from collections.abc import Sequence

from training.evaluation.judged import Judged
from training.evaluation.results import Group, Grouping

#: Starts of the kinds whose loss costs a customer most, in that order.
PRECIOUS = ("otp", "bank", "card", "account", "delivery", "parcel")
_FIELDS: tuple[Grouping, ...] = ("kind", "country", "script")


def groups(rows: Sequence[Judged]) -> list[Group]:
    """Groups of answered messages by kind, country and script; what is unknown forms none."""
    return [group for by in _FIELDS for group in _grouped(rows, by)]


def _grouped(rows: Sequence[Judged], by: Grouping) -> list[Group]:
    """Legitimate ones first, those with false alarms before all; among equals what is precious, then what is large."""
    found: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        if name := getattr(row, by):
            found[name].append(row)
    return sorted((_group(by, name, members) for name, members in found.items()), key=_urgency)


def _group(by: Grouping, name: str, rows: Sequence[Judged]) -> Group:
    legitimate, spam = [row for row in rows if row.legitimate], [row for row in rows if row.spam]
    return Group(
        by=by,
        name=name,
        rows=len(rows),
        legitimate=len(legitimate),
        false_alarms=sum(row.alarmed for row in legitimate),
        blocked_legitimate=sum(row.action == "block" for row in legitimate),
        spam=len(spam),
        caught=sum(row.alarmed for row in spam),
        called_spam=sum(row.is_spam is True for row in rows),
        called_phishing=sum(row.is_phishing is True for row in rows),
        called_otp=sum(row.is_otp is True for row in rows),
        blocked=sum(row.action == "block" for row in rows),
    )


def _urgency(group: Group) -> tuple[bool, bool, int, float, int, str]:
    rank = next((i for i, start in enumerate(PRECIOUS) if group.name.startswith(start)), len(PRECIOUS))
    harm = group.false_alarms / group.legitimate if group.legitimate else 0.0
    return not group.legitimate, not group.false_alarms, rank, -harm, -group.rows, group.name
