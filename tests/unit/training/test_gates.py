import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import ConfigError
from training.gates import Gate, all_passed, judge

ACCURACY = Gate(name="accuracy", figure="uci.accuracy", better="higher", bound=0.95, tolerance=0.01)
ALARMS = Gate(name="false alarms", figure="uci.fpr", better="lower", bound=0.02, tolerance=0.005)

shares = st.floats(0, 1)
gates = st.builds(
    Gate,
    name=st.just("any"),
    figure=st.just("uci.any"),
    better=st.sampled_from(["higher", "lower"]),
    bound=shares,
    tolerance=shares,
)


def figures(**found: float) -> dict[str, dict[str, float]]:
    return {"uci": found}


@pytest.mark.parametrize(
    ("candidate", "serving", "passed"),
    [
        (0.97, 0.975, True),
        (0.97, 0.98, True),  # just as much worse as it may be
        (0.97, 0.9801, False),
        (0.95, 0.95, True),  # on the bound
        (0.9499, 0.90, False),  # better than what serves, and not good enough
        (1.0, 0.5, True),
    ],
)
def test_both_bounds_must_be_kept(candidate: float, serving: float, passed: bool) -> None:
    (verdict,) = judge(figures(accuracy=candidate), figures(accuracy=serving), [ACCURACY])
    assert (verdict.passed, verdict.candidate, verdict.serving) == (passed, candidate, serving)


def test_words_say_what_failed_and_by_how_much() -> None:
    verdicts = judge(figures(accuracy=0.93, fpr=0.012), figures(accuracy=0.97, fpr=0.01), [ACCURACY, ALARMS])
    assert [verdict.words for verdict in verdicts] == [
        "failed: 93 % is below the least allowed, 95 % and is 4 points worse than what serves (97 %), "
        "1 points may be lost",
        "passed: 1.2 %, 0.2 points worse than what serves (1 %)",
    ]
    assert not all_passed(verdicts)


@pytest.mark.parametrize("missing", [{}, figures(), figures(accuracy=math.nan), figures(accuracy=math.inf)])
def test_a_figure_that_the_candidate_lacks_fails(missing: dict[str, dict[str, float]]) -> None:
    (verdict,) = judge(missing, figures(accuracy=0.97), [ACCURACY])
    assert not verdict.passed
    assert verdict.words == "failed: the candidate has no figure uci.accuracy"


def test_without_a_figure_of_the_serving_version_the_bound_alone_counts() -> None:
    good, bad = (judge(figures(accuracy=value), {}, [ACCURACY])[0] for value in (0.96, 0.94))
    assert good.passed
    assert "only the bound was asked" in good.words
    assert not bad.passed


def test_no_gate_is_no_permission() -> None:
    assert not all_passed(judge(figures(accuracy=1.0), figures(accuracy=0.0), []))


@given(gates, shares, shares, shares)
def test_a_better_candidate_never_fares_worse(gate: Gate, first: float, second: float, serving: float) -> None:
    worse, better = sorted((first, second), reverse=gate.better == "lower")
    of_worse, of_better = (judge(figures(any=v), figures(any=serving), [gate])[0].passed for v in (worse, better))
    assert of_better or not of_worse


@given(gates, shares)
def test_what_serves_passes_beside_itself_if_it_keeps_the_bound(gate: Gate, value: float) -> None:
    (verdict,) = judge(figures(any=value), figures(any=value), [gate])
    margin = value - gate.bound if gate.better == "higher" else gate.bound - value
    if abs(margin) > 1e-8:
        assert verdict.passed == (margin > 0)


@given(gates, shares, shares)
def test_higher_and_lower_are_mirror_images(gate: Gate, candidate: float, serving: float) -> None:
    mirrored = Gate(
        name="any",
        figure=gate.figure,
        better="lower" if gate.better == "higher" else "higher",
        bound=-gate.bound,
        tolerance=gate.tolerance,
    )
    said = judge(figures(any=candidate), figures(any=serving), [gate])[0]
    other = judge(figures(any=-candidate), figures(any=-serving), [mirrored])[0]
    assert said.passed == other.passed


@given(st.lists(st.tuples(gates, shares), max_size=5))
def test_verdicts_are_one_a_gate_in_order(asked: list[tuple[Gate, float]]) -> None:
    found = [
        Gate(name=f"{i}", figure=f"uci.f{i}", better=gate.better, bound=gate.bound, tolerance=gate.tolerance)
        for i, (gate, _) in enumerate(asked)
    ]
    values = figures(**{f"f{i}": value for i, (_, value) in enumerate(asked)})
    verdicts = judge(values, values, found)
    assert [verdict.gate for verdict in verdicts] == [gate.name for gate in found]
    assert all_passed(verdicts) == (bool(verdicts) and all(verdict.passed for verdict in verdicts))


@pytest.mark.parametrize(
    "wrong",
    [{"figure": "accuracy"}, {"figure": "uci."}, {"bound": math.nan}, {"tolerance": -0.1}, {"tolerance": math.inf}],
)
def test_a_gate_that_cannot_be_one_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="gate 'x'"):
        Gate(**{"name": "x", "figure": "uci.fpr", "better": "lower", "bound": 0.1, "tolerance": 0.1} | wrong)
