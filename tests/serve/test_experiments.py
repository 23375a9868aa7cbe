"""Weights changed over HTTP: live on every ingress replica within two seconds, sticky, named, written down."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.server import Server

V1, V2 = "distilbert/3", "distilbert/4"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Server]:
    """A second server on the same machine, with two ingress replicas and databases of its own."""
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}  # of the machine; none of its business
    changes = {"deployments": {"Ingress": {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.25}}}}
    with Server(tmp_path_factory.mktemp("pair") / "home", changes, proxy) as running:
        yield running


def put(server: Server, arms: dict[str, float], **fields: object) -> dict[str, object]:
    status, body, _ = server.request("PUT", "/v1/experiments/spam", {"arms": arms, **fields})
    assert status == 200, body
    return body


def classify_many(server: Server, senders: list[str]) -> list[dict[str, object]]:
    messages = [{"text": f"hello {i}", "sender": sender} for i, sender in enumerate(senders)]
    return server.request("POST", "/v1/classify/batch", {"messages": messages})[1]["results"]


def settle(server: Server, revision: object) -> None:
    """Wait until 40 answers in a row (two replicas share them) name the revision; two seconds at most."""
    give_up = time.monotonic() + 2
    streak = 0
    while streak < 40:
        assert time.monotonic() < give_up, "a replica did not follow within two seconds"
        experiment = server.classify("hello")["experiment"]
        streak = streak + 1 if experiment and experiment["revision"] == revision else 0


def test_without_an_experiment_the_default_version_answers(server: Server):
    verdict = server.classify("an uncertain text, perhaps free")
    assert verdict["experiment"] is None


def test_two_servers_run_side_by_side(server: Server, pair: Server):
    assert server.url != pair.url
    assert server.request("GET", "/readyz")[0] == pair.request("GET", "/readyz")[0] == 200
    assert pair.request("POST", "/v1/classify", {"text": "a"}, key=server.key)[0] == 401


def test_weights_are_live_on_all_replicas_within_two_seconds_and_split_the_traffic(pair: Server):
    settle(pair, put(pair, {V1: 30, V2: 70}, why="test")["revision"])
    senders = [f"+1555{i:07d}" for i in range(1000)]
    first = classify_many(pair, senders)
    arms = Counter(result["experiment"]["arm"] for result in first)
    assert abs(arms[V1] - 300) < 3 * (1000 * 0.3 * 0.7) ** 0.5
    again = classify_many(pair, senders)
    assert [r["experiment"]["arm"] for r in again] == [r["experiment"]["arm"] for r in first]
    assert all(r["models"].get("spam", r["experiment"]["arm"]) == r["experiment"]["arm"] for r in first)


def test_raising_an_arm_moves_only_what_must_move(pair: Server):
    senders = [f"+1555{i:07d}" for i in range(500)]
    settle(pair, put(pair, {V1: 10, V2: 90})["revision"])
    before = [r["experiment"]["arm"] for r in classify_many(pair, senders)]
    settle(pair, put(pair, {V1: 50, V2: 50})["revision"])
    after = [r["experiment"]["arm"] for r in classify_many(pair, senders)]
    assert {(b, a) for b, a in zip(before, after, strict=True) if a != b} == {(V2, V1)}


def test_revisions_guard_against_lost_updates(pair: Server):
    revision = put(pair, {V1: 1, V2: 1})["revision"]
    put(pair, {V1: 1, V2: 2}, revision=revision)
    status, problem, _ = pair.request("PUT", "/v1/experiments/spam", {"arms": {V1: 1, V2: 3}, "revision": revision})
    assert (status, problem["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"arms": {"distilbert/99": 1}}, 422, "$.arms['distilbert/99']"),
        ({"arms": {V1: -1}}, 422, f"$.arms['{V1}']"),
        ({"arms": {V1: 0}}, 422, "$.arms"),
        ({"arms": {}}, 422, "$.arms"),
        ({}, 422, "$.arms"),
    ],
)
def test_weights_that_make_no_sense_are_refused(pair: Server, body: object, status: int, field: str):
    found, problem, _ = pair.request("PUT", "/v1/experiments/spam", body)
    assert (found, problem["field"]) == (status, field)


def test_unknown_tasks_are_not_found(pair: Server):
    assert pair.request("PUT", "/v1/experiments/colour", {"arms": {V1: 1}})[0] == 404


def test_experiments_and_models_are_listed(pair: Server):
    put(pair, {V1: 5, V2: 95})
    time.sleep(2)
    (experiment,) = pair.request("GET", "/v1/experiments")[1]["experiments"]
    assert (experiment["task"], experiment["arms"]) == ("spam", {V1: 5, V2: 95})
    assert {m["ref"] for m in pair.request("GET", "/v1/models")[1]["models"]} == {"lightgbm/2", V1, V2}


def test_any_replica_counts_for_all_of_them(pair: Server):
    before = pair.metric("winnow_verdicts_total")
    for i in range(50):
        pair.classify(f"hello {i}")
    assert {pair.metric("winnow_verdicts_total") - before for _ in range(10)} == {50.0}
