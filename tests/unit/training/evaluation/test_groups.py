from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.groups import groups
from training.evaluation.judged import Judged


def row(kind: str, spam: bool | None, *, spammy: bool = False, phishy: bool = False, action: str = "deliver") -> Judged:
    return Judged(set="s", index=0, kind=kind, spam=spam, is_spam=spammy, is_phishing=phishy, action=action)  # type: ignore[arg-type]


def names(rows: Sequence[Judged]) -> list[str]:
    return [group.name for group in groups(rows)]


def test_counts_of_a_group():
    (found,) = groups(
        [
            row("otp", False),
            row("otp", False, spammy=True, action="flag"),
            row("otp", False, phishy=True, action="block"),
            row("otp", True, spammy=True, phishy=True, action="block"),
            row("otp", True),
            row("otp", None, spammy=True),
        ]
    )
    assert (found.by, found.name, found.rows, found.legitimate, found.spam) == ("kind", "otp", 6, 3, 2)
    assert (found.false_alarms, found.blocked_legitimate, found.caught) == (2, 1, 1)
    assert (found.called_spam, found.called_phishing, found.called_otp, found.blocked) == (3, 2, 0, 2)


def test_harm_to_what_is_precious_comes_first_and_spam_last():
    rows = [
        row("spam_loan", True, spammy=True),
        row("chat", False),
        row("bill", False, spammy=True),
        row("otp", False),
        row("delivery", False, spammy=True),
        row("bank_debit", False, spammy=True),
    ]
    assert names(rows) == ["bank_debit", "delivery", "bill", "otp", "chat", "spam_loan"]


def test_what_is_unknown_forms_no_group():
    found = groups([Judged(set="s", index=0, country="IN", script="Latin"), Judged(set="s", index=1)])
    assert [(group.by, group.name, group.rows) for group in found] == [("country", "IN", 1), ("script", "Latin", 1)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.booleans(), st.booleans()), max_size=30))
def test_every_row_with_a_kind_is_in_one_group(cells: list[tuple[str, bool | None, bool]]):
    found = groups([row(kind, spam, spammy=said) for kind, spam, said in cells])
    assert sum(group.rows for group in found) == len(cells)
    assert sum(group.false_alarms for group in found) == sum(spam is False and said for _, spam, said in cells)
