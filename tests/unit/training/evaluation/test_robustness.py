import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.normalise import normalise
from training.evaluation.judged import Judged
from training.evaluation.robustness import WAYS, choose, compare, disguise
from training.examples import Example

TEXT = "Congratulations winner, claim your wonderful prize at https://prize.example/claim?id=7 before tomorrow morning"


def example(text: str = TEXT) -> Example:
    return Example(text=text, spam=True, source="test")


@pytest.mark.parametrize("way", WAYS)
def test_a_disguise_changes_the_wording_and_no_link(way: str):
    probes = disguise([example()] * 8, range(8), way)
    assert [probe.index for probe in probes] == list(range(8))
    assert all("https://prize.example/claim?id=7" in probe.example.text for probe in probes)
    assert any(probe.example.text != TEXT for probe in probes)
    assert all(probe.example.spam for probe in probes)
    assert probes == disguise([example()] * 8, range(8), way)


@pytest.mark.parametrize("way", ["homoglyph", "zero-width", "full-width"])
def test_what_only_looks_alike_is_undone_by_the_normaliser(way: str):
    text = "your parcel waits"
    for probe in disguise([example(text)] * 5, range(5), way):
        assert normalise(probe.example.text).text == text


@given(st.text(max_size=60), st.sampled_from(sorted(WAYS)))
def test_any_text_can_be_disguised(text: str, way: str):
    (probe,) = disguise([example(text)], [0], way)
    assert bool(probe.example.text) == bool(text)


def test_choice_takes_both_sides_in_latin_letters_up_to_a_number():
    rows = [Judged(set="s", index=i, spam=i % 2 == 0, script="Latin") for i in range(20)]
    rows += [Judged(set="s", index=20, spam=True, script="Thai"), Judged(set="s", index=21, spam=None, script="Latin")]
    rows += [Judged(set="s", index=22, spam=True, script="Latin", error="overloaded")]
    chosen = choose([example()] * 23, rows, most=5)
    assert chosen == sorted(chosen)
    assert (sum(i % 2 == 0 for i in chosen), len(chosen)) == (5, 10)
    assert max(chosen) < 20
    assert choose([example()] * 23, rows, most=50) == list(range(20))


def test_figures_of_a_disguise():
    def judged(index: int, alarm: bool) -> Judged:
        spam = index < 3
        return Judged(set="s", index=index, spam=spam, phishing=index == 0, is_spam=alarm, is_phishing=False)

    plain = {i: judged(i, alarm) for i, alarm in enumerate((True, True, False, False, True, False))}
    hidden = {i: judged(i, alarm) for i, alarm in enumerate((True, False, False, True, True))}
    found = compare("leet", plain, hidden)
    assert (found.spam, found.legitimate, found.phishing) == (3, 2, 1)
    assert (found.plain_recall, found.recall) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert (found.plain_false_alarms, found.added_false_alarms) == (1, 1)
    assert found.phishing_recall == 0.0
    assert compare("leet", plain, {}).recall is None
