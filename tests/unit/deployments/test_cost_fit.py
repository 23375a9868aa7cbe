from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deployments.capacity import predict
from deployments.cost_fit import Sample, fit, non_negative
from deployments.costs import INGRESS, Cost, Kind
from deployments.usage import Used

RATES: dict[Kind, Sequence[int]] = {"single": (25, 50, 100, 200), "bulk": (200, 400, 600)}
LONE = 62.5  #: between two of the rates

seconds = st.floats(1e-4, 0.02)
messages = st.tuples(seconds, seconds).map(lambda each: {"single": sum(each), "bulk": each[0]})


def sample(
    costs: dict[str, Cost], replicas: dict[str, int], kind: Kind | None, rate: int, duration: float = 10.0
) -> Sample:
    """What a server with exactly these costs would use."""
    ingresses = replicas.get(INGRESS, 1)
    lone = ingresses * LONE if kind == "single" else 0.0
    cores = {name: predict(cost, kind or "single", rate, replicas[name], lone) for name, cost in costs.items()}
    used = {name: Used(value * duration, replicas[name]) for name, value in cores.items()}
    return Sample(kind, duration, round(rate * duration), used)


def samples(costs: dict[str, Cost], replicas: dict[str, int]) -> list[Sample]:
    scale = replicas.get(INGRESS, 1)
    loads = [sample(costs, replicas, kind, rate * scale) for kind, each in RATES.items() for rate in each]
    return [sample(costs, replicas, None, 0), *loads]


@given(st.lists(st.builds(Cost, st.floats(0, 0.5), messages, seconds), min_size=2, max_size=3), st.integers(1, 3))
def test_exact_costs_are_found_again(costs: list[Cost], ingresses: int):
    parts = dict(zip((INGRESS, "DistilBert", "Redis"), costs, strict=False))
    replicas = dict.fromkeys(parts, 1) | {INGRESS: ingresses, "DistilBert": 2}
    lone, found = fit(samples(parts, {name: replicas[name] for name in parts}))
    assert lone == pytest.approx(LONE)
    for name, cost in parts.items():
        assert found[name].per_second == pytest.approx(cost.per_second, abs=1e-6)
        assert found[name].per_message == pytest.approx(cost.per_message, abs=1e-6)
        assert found[name].per_lone == pytest.approx(cost.per_lone, abs=1e-6)


@given(st.lists(st.floats(0, 5), min_size=8, max_size=8))
def test_a_message_costs_at_least_what_it_costs_in_bulk(cpu_s: list[float]):
    exact = samples({INGRESS: Cost(0.0, {"single": 0.0, "bulk": 0.0}, 0.0)}, {INGRESS: 1})
    noisy = [Sample(s.kind, s.seconds, s.messages, {INGRESS: Used(t, 1)}) for s, t in zip(exact, cpu_s, strict=True)]
    _, found = fit(noisy)
    assert found[INGRESS].per_message["single"] >= found[INGRESS].per_message["bulk"] >= 0.0


def test_a_part_that_came_later_took_nothing_before():
    one = sample({INGRESS: Cost(0.0, {"single": 0.0, "bulk": 0.0}, 0.0)}, {INGRESS: 1}, None, 0)
    other = Sample("single", 10.0, 100, {INGRESS: Used(1.0, 1), "Postgres": Used(0.5, 1)})
    _, found = fit([one, other])
    assert found["Postgres"].per_second == pytest.approx(0.0, abs=1e-9)
    assert 100 * (found["Postgres"].per_message["single"] + found["Postgres"].per_lone) <= 0.5 + 1e-9


matrices = arrays(np.float64, (6, 3), elements=st.integers(0, 99))
vectors = arrays(np.float64, 6, elements=st.integers(0, 99))


@given(matrices, vectors, arrays(np.float64, 3, elements=st.integers(0, 99)))
def test_no_other_costs_fit_better_and_none_is_negative(design: np.ndarray, target: np.ndarray, other: np.ndarray):
    error, best = non_negative(design, target)
    assert (best >= 0).all()
    assert error == pytest.approx(float(np.linalg.norm(design @ best - target)), abs=1e-9)
    assert error <= float(np.linalg.norm(design @ other - target)) * (1 + 1e-6) + 1e-6
