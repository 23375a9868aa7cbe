from hypothesis import given
from hypothesis import strategies as st

from pipeline.reputation import LEAST_REPORTS, MOST, reputation_hit

counts = st.integers(0, 10**6)


def test_few_reports_say_nothing() -> None:
    assert reputation_hit(LEAST_REPORTS - 1, 0) is None
    assert reputation_hit(0, 0) is None


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
