import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.comparison import compare, render
from training.evaluation.judged import Judged


def run(said: list[bool], *, labels: list[bool] | None = None, name: str = "mine") -> list[Judged]:
    """Spam, all of it unless `labels` say otherwise."""
    pairs = zip(labels or [True] * len(said), said, strict=True)
    return [
        Judged(set=name, index=i, spam=label, is_spam=call, spam_score=0.9 if call else 0.1)
        for i, (label, call) in enumerate(pairs)
    ]


def test_what_was_won_and_lost():
    found = compare({"mine": run([False] * 9 + [True] * 3)}, {"mine": run([True] * 9 + [False] + [True] * 2)})
    spam = next(each for each in found.differences if each.question == "spam")
    assert (spam.rows, spam.old, spam.new, spam.won, spam.lost) == (12, 3, 11, 9, 1)
    assert spam.p == pytest.approx(2 * (1 + 10) / 2**10)
    assert spam.change == "better"
    flips = [(flip.index, flip.won) for flip in found.flips if flip.question == "spam"]
    assert flips == [(i, True) for i in range(9)] + [(9, False)]


def test_the_other_way_round_it_is_worse():
    old, new = {"mine": run([True] * 8)}, {"mine": run([False] * 8)}
    assert {each.change for each in compare(old, new).differences if each.question == "spam"} == {"worse"}
    assert {each.change for each in compare(new, old).differences if each.question == "spam"} == {"better"}


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_nothing_changes_between_a_run_and_itself(cells: list[tuple[bool, bool]]):
    judged = {"mine": run([said for _, said in cells], labels=[label for label, _ in cells])}
    found = compare(judged, judged)
    assert found.flips == [] and found.left_out == []
    assert all(each.p == 1.0 and each.change == "no evidence" for each in found.differences)
    assert all(each.gain.interval == (0.0, 0.0) for each in found.gains)


def test_a_better_score_is_seen_though_no_decision_changes():
    labels = [True] * 30 + [False] * 70
    old = [Judged(set="m", index=i, spam=s, is_spam=False, spam_score=0.1 + i / 1e3) for i, s in enumerate(labels)]
    new = [Judged(set="m", index=i, spam=s, is_spam=False, spam_score=0.4 if s else 0.1) for i, s in enumerate(labels)]
    (gain,) = compare({"m": old}, {"m": new}).gains
    assert (gain.task, gain.gain.value, gain.change) == ("spam", 1.0, "better")


def test_other_messages_are_left_out():
    two, three = run([True] * 2), run([True] * 3)
    relabelled = run([True] * 2, labels=[False, True])
    found = compare({"a": two, "b": two, "c": two}, {"a": three, "b": relabelled, "d": two})
    assert found.left_out == ["a", "b", "c", "d"]
    assert found.differences == []


def test_messages_without_an_answer_count_in_neither():
    failed = Judged(set="mine", index=1, spam=True, error="overloaded")
    found = compare({"mine": [run([True])[0], failed]}, {"mine": run([True, True])})
    assert {each.rows for each in found.differences} == {1}


def test_the_report_names_messages_and_shows_texts_only_when_it_has_them():
    found = compare({"mine": run([True] * 8)}, {"mine": run([False] * 8)})
    shown = render(found, most=3)
    assert "| mine | spam | 8 | 8 | 0 | +0 -8 | 0.00781 |" in shown.split("## Better")[0]
    assert "| mine | 0 | spam |" in shown and "5 more" in shown
    assert "a | pipe" not in shown
    texts = {("mine", i): "a | pipe\nand a line" for i in range(8)}
    assert "| mine | 0 | spam | a \\| pipe and a line |" in render(found, texts)
