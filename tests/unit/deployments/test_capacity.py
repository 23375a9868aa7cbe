from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deployments.capacity import Demand, Need, plan, predict
from deployments.costs import INGRESS, RAY, Cost, Costs, Traffic
from pipeline.errors import ConfigError

PARTS = (INGRESS, "DistilBert", "HAProxy", RAY)

seconds = st.floats(0, 0.02)
rates = st.floats(1, 50_000)
utilisations = st.floats(0.2, 1)


@st.composite
def costs(draw: st.DrawFn) -> Costs:
    parts = {part: Cost(draw(st.floats(0, 0.1)), {"single": draw(seconds)}, draw(seconds)) for part in PARTS}
    return known(parts, draw(st.floats(0, 500)))


def known(parts: Mapping[str, Cost], lone: float = 0.0) -> Costs:
    traffic = Traffic(rates=(10.0, 20.0), skipped=0.5, cached=0.0)
    return Costs(
        measured="2026-01-31",
        cores=2,
        profile="any",
        threads=1,
        lone=lone,
        traffic={"single": traffic},
        parts=dict(parts),
    )


def needs(costs: Costs, rate: float, utilisation: float = 0.6, **threads: int) -> dict[str, Need]:
    return {need.part: need for need in plan(costs, Demand("single", rate, utilisation), threads)}


def free(cost: float, **changes: float) -> Cost:
    return Cost(changes.get("rest", 0.0), {"single": cost}, changes.get("lone", 0.0))


def test_replicas_are_the_load_over_what_one_may_take():
    found = needs(known({INGRESS: free(0.001), "DistilBert": free(0.002)}), 12_000)
    assert {name: need.replicas for name, need in found.items()} == {INGRESS: 20, "DistilBert": 40}
    assert found["DistilBert"].cores == pytest.approx(24)


def test_threads_make_replicas_larger_and_fewer():
    found = needs(known({INGRESS: free(0.0), "DistilBert": free(0.002)}), 12_000, DistilBert=4)["DistilBert"]
    assert (found.replicas, found.num_cpus) == (10, 4.0)


def test_what_a_replica_takes_at_rest_is_not_there_for_messages():
    found = needs(known({INGRESS: free(0.001, rest=0.1)}), 1_000, 0.6)[INGRESS]
    assert (found.replicas, found.cores) == (2, pytest.approx(1.2))


def test_messages_that_share_a_batch_cost_less():
    # 100 messages a second alone at each replica: 100 * 3 ms, then 1 ms for each that joins, until 0.6 cores are busy.
    found = needs(known({INGRESS: free(0.001, lone=0.002)}, lone=100), 4_000)[INGRESS]
    assert (found.replicas, found.cores) == (10, pytest.approx(4 + 2))


def test_idle_parts_are_given_a_share_of_a_core():
    found = needs(known({INGRESS: free(0.0001), "GroqIntent": free(0.0, rest=0.01)}), 100)
    assert (found["GroqIntent"].replicas, found["GroqIntent"].num_cpus) == (1, 0.25)


def test_ray_is_there_once():
    assert needs(known({INGRESS: free(0.0), RAY: free(0.01)}), 1_000)[RAY].replicas == 1


def test_a_part_that_is_too_busy_at_rest_is_named():
    with pytest.raises(ConfigError, match=r"DistilBert takes 0\.70 cores at rest"):
        needs(known({INGRESS: free(0.001), "DistilBert": free(0.001, rest=0.7)}), 100)


def test_costs_without_an_ingress_are_refused():
    with pytest.raises(ConfigError, match=INGRESS):
        needs(known({"DistilBert": free(0.001)}), 100)


@given(costs(), rates, utilisations)
def test_there_is_always_one_replica_and_none_is_busier_than_allowed(costs: Costs, rate: float, utilisation: float):
    for need in needs(costs, rate, utilisation).values():
        assert need.replicas >= 1
        if need.part != RAY:
            assert need.cores <= need.replicas * utilisation * (1 + 1e-6) + 1e-6
            assert need.cores / need.replicas <= need.num_cpus * utilisation + 1e-6


@given(costs(), rates, utilisations)
def test_one_replica_less_would_be_too_few(costs: Costs, rate: float, utilisation: float):
    found = needs(costs, rate, utilisation)
    lone = found[INGRESS].replicas * costs.lone
    for part in ("DistilBert", "HAProxy"):
        fewer = found[part].replicas - 1
        if fewer:
            assert predict(costs.parts[part], "single", rate, fewer, lone) > fewer * utilisation * (1 - 1e-6)
    if fewer := found[INGRESS].replicas - 1:
        each = costs.lone
        assert predict(costs.parts[INGRESS], "single", rate, fewer, fewer * each) > fewer * utilisation * (1 - 1e-6)


@given(costs(), rates, rates, utilisations)
def test_a_higher_rate_never_needs_less(costs: Costs, one: float, other: float, utilisation: float):
    low, high = (needs(costs, rate, utilisation) for rate in sorted((one, other)))
    for part in PARTS:
        assert low[part].replicas <= high[part].replicas
        assert low[part].cores <= high[part].cores + 1e-9


@given(costs(), rates, utilisations, utilisations)
def test_more_room_never_needs_more_ingresses(costs: Costs, rate: float, one: float, other: float):
    tight, loose = (needs(costs, rate, utilisation)[INGRESS] for utilisation in sorted((one, other)))
    assert loose.replicas <= tight.replicas


@given(costs(), rates, st.integers(2, 9))
def test_the_load_of_messages_is_linear_where_none_is_alone(costs: Costs, rate: float, times: int):
    alike = known({part: Cost(0.0, cost.per_message, 0.0) for part, cost in costs.parts.items()})
    assume(times * rate < 1e6)
    once, often = needs(alike, rate), needs(alike, times * rate)
    for part in PARTS:
        assert often[part].cores == pytest.approx(times * once[part].cores)
        assert often[part].replicas <= times * once[part].replicas


@given(costs(), rates)
def test_the_cores_of_all_are_those_of_the_formula(costs: Costs, rate: float):
    found = needs(costs, rate)
    lone = min(rate, found[INGRESS].replicas * costs.lone)
    expected = sum(
        found[part].replicas * cost.per_second + rate * cost.per_message["single"] + lone * cost.per_lone
        for part, cost in costs.parts.items()
    )
    assert sum(need.cores for need in found.values()) == pytest.approx(expected)
