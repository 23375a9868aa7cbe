from hypothesis import given
from hypothesis import strategies as st

from pipeline.feedback import FeedbackSettings
from pipeline.reputation import LEAST_REPORTS, MOST, Reports, reputation_hit

counts = st.integers(0, 10**6)


def test_few_reports_say_nothing() -> None:
    assert reputation_hit(LEAST_REPORTS - 1, 0) is None
    assert reputation_hit(0, 0) is None
    assert reputation_hit(LEAST_REPORTS - 1, LEAST_REPORTS - 1) is None


def test_the_majority_counts() -> None:
    bad, good = reputation_hit(40, 1), reputation_hit(1, 40)
    assert bad is not None and bad.score > 0
    assert good is not None and good.score < 0
    assert bad.detail == "40 of 41 reports about the sender call it spam"


@given(counts, counts)
def test_reports_never_decide_alone(spam: int, ham: int) -> None:
    hit = reputation_hit(spam, ham)
    assert hit is None or (abs(hit.score) <= MOST and hit.decides is None)


@given(st.integers(5, 10**6), counts)
def test_one_more_spam_report_never_helps_the_sender(spam: int, ham: int) -> None:
    before, after = reputation_hit(spam, ham), reputation_hit(spam + 1, ham)
    assert before is not None and after is not None
    assert after.score >= before.score


events = st.lists(st.tuples(st.sampled_from(["report", "correct"]), st.booleans()), max_size=60)


@given(events)
def test_one_tenant_cannot_make_a_reputation_for_the_others(said: list[tuple[str, bool]]) -> None:
    reports = Reports()
    for what, spam in said:
        getattr(reports, what)("acme", spam, FeedbackSettings().reports_per_tenant)
    assert reputation_hit(reports.counted.get(True, 0), reports.counted.get(False, 0)) is None


def test_two_tenants_can() -> None:
    reports = Reports()
    for tenant in ("acme", "other"):
        for _ in range(9):
            reports.report(tenant, True, 4)
    assert reports.counted == {True: 8}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=12), st.integers(1, 3))
def test_what_counts_follows_from_the_labels_in_force(receipts: list[tuple[str, bool, bool]], most: int) -> None:
    reports = Reports()
    for tenant, first, _ in receipts:
        reports.report(tenant, first, most)
    for tenant, first, last in receipts:
        if last != first:
            reports.correct(tenant, last, most)
    for spam in (True, False):
        in_force = [[last for by, _, last in receipts if by == tenant].count(spam) for tenant in "ab"]
        assert reports.counted.get(spam, 0) == sum(min(count, most) for count in in_force)


@given(events, st.integers(1, 5))
def test_corrections_add_nothing_and_leave_no_hole(said: list[tuple[str, bool]], most: int) -> None:
    reports = Reports()
    for what, spam in said:
        getattr(reports, what)("acme", spam, most)
    assert all(0 <= reports.counted.get(spam, 0) <= most for spam in (True, False))
    assert sum(reports.noted.values()) == sum(what == "report" for what, _ in said)
