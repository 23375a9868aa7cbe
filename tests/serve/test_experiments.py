"""Versions and weights changed over HTTP: loaded, live on every replica within two seconds, sticky, written down."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loadtests.rollout.versions import damage
from model_store.store import LocalStore, copy_version
from tests.support.server import Server

V1, V2, TREES, OTHER_TREES, DAMAGED = "distilbert/3", "distilbert/4", "lightgbm/2", "lightgbm/3", "distilbert/9"
SENDERS = [f"+1555{i:07d}" for i in range(1000)]
ASKED_S = 2.0  #: in which a change must be live
LOADED_S = 60.0


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ships, a second TF-IDF bundle that is a copy of the first, and a version whose file was altered."""
    root, shipped = tmp_path_factory.mktemp("store"), LocalStore()
    for source, name in ((V1, V1), (V2, V2), (TREES, TREES), (TREES, OTHER_TREES), (V1, DAMAGED)):
        bundle = shipped.open(source)
        manifest = msgspec.structs.replace(bundle.manifest, version=name.split("/")[1])
        copy_version(bundle.path, manifest, root / name)
    damage(root, DAMAGED)
    return root


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, server: Server, store: Path) -> Iterator[Server]:
    """A second server on the same machine, with two ingress replicas and databases of its own."""
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}  # of the machine; none of its business
    changes = {
        "args": {"models": {"root": str(store)}},
        "deployments": {"Ingress": {"num_replicas": 2, "ray_actor_options": {"num_cpus": 0.25}}},
    }
    with Server(tmp_path_factory.mktemp("pair") / "home", changes, proxy) as running:
        yield running


def done(server: Server, method: str, path: str, body: object = None) -> Any:
    status, found, _ = server.request(method, path, body)
    assert status == 200, found
    return found


def put(server: Server, arms: dict[str, float], task: str = "spam", **fields: object) -> dict[str, Any]:
    """Set weights, and wait until all arms are ready and all replicas have heard."""
    changed = done(server, "PUT", f"/v1/experiments/{task}", {"arms": arms, **fields})
    await_ready(server, task)
    settle(server, task, changed["revision"])
    return changed


def await_ready(server: Server, task: str) -> None:
    """Each of two replicas speaks for itself, so that 20 answers in a row must say it."""

    def ready() -> bool:
        listed = done(server, "GET", "/v1/experiments")["experiments"]
        states = [set(each["states"].values()) for each in listed if each["task"] == task]
        return states == [{"ready"}]

    streak(ready, 20, LOADED_S)


def settle(server: Server, task: str, revision: int | None) -> None:
    """Wait until all answers name a revision, or none; two seconds at most."""

    def named() -> bool:
        experiment = server.classify("hello")["experiment"] or {}
        return experiment.get(task, {}).get("revision") == revision

    streak(named, 40, ASKED_S)


def streak(holds: Callable[[], bool], length: int, seconds: float) -> None:
    """Until it holds so often in a row, which begins within these seconds."""
    give_up, found = time.monotonic() + seconds, 0
    while found < length:
        found = found + 1 if holds() else 0
        assert found or time.monotonic() < give_up, f"does not hold after {seconds:g} s"


def classify_many(server: Server, senders: list[str]) -> list[dict[str, Any]]:
    messages = [{"text": f"hello {i}", "sender": sender} for i, sender in enumerate(senders)]
    return done(server, "POST", "/v1/classify/batch", {"messages": messages})["results"]


def arms_of(server: Server, senders: list[str], task: str = "spam") -> list[str]:
    return [result["experiment"][task]["arm"] for result in classify_many(server, senders)]


def test_without_an_experiment_the_default_version_answers(server: Server):
    verdict = server.classify("an uncertain text, perhaps free")
    assert verdict["experiment"] is None


def test_two_servers_run_side_by_side(server: Server, pair: Server):
    assert server.url != pair.url
    assert server.request("GET", "/readyz")[0] == pair.request("GET", "/readyz")[0] == 200
    assert pair.request("POST", "/v1/classify", {"text": "a"}, key=server.key)[0] == 401


def test_a_version_is_loaded_when_an_experiment_names_it_and_then_shares_the_traffic(pair: Server):
    assert V1 not in {m["ref"] for m in done(pair, "GET", "/v1/models")["models"]}
    put(pair, {V2: 1, V1: 0}, why="load")
    assert set(arms_of(pair, SENDERS)) == {V2}
    put(pair, {V2: 70, V1: 30}, why="test")
    first = classify_many(pair, SENDERS)
    arms = Counter(result["experiment"]["spam"]["arm"] for result in first)
    assert abs(arms[V1] - 300) < 3 * (1000 * 0.3 * 0.7) ** 0.5
    assert arms_of(pair, SENDERS) == [result["experiment"]["spam"]["arm"] for result in first]
    for result in first:
        arm = result["experiment"]["spam"]["arm"]
        assert result["models"].get("spam", arm) == arm


def test_raising_an_arm_moves_only_what_must_move(pair: Server):
    put(pair, {V1: 10, V2: 90})
    before = arms_of(pair, SENDERS)
    put(pair, {V1: 50, V2: 50})
    moved = {(b, a) for b, a in zip(before, arms_of(pair, SENDERS), strict=True) if a != b}
    assert moved == {(V2, V1)}


def test_tasks_have_experiments_of_their_own_and_a_verdict_names_all_of_them(pair: Server):
    put(pair, {V1: 50, V2: 50})
    put(pair, {TREES: 50, OTHER_TREES: 50}, "otp")
    results = classify_many(pair, SENDERS)
    both = Counter((r["experiment"]["spam"]["arm"], r["experiment"]["otp"]["arm"]) for r in results)
    assert {count > 150 for count in both.values()} == {True}  # 250 each: the tasks know nothing of each other
    assert set(both) == {(V1, TREES), (V1, OTHER_TREES), (V2, TREES), (V2, OTHER_TREES)}
    assert all(r["models"]["otp"] == r["experiment"]["otp"]["arm"] for r in results)
    done(pair, "DELETE", "/v1/experiments/otp")
    settle(pair, "otp", None)
    assert {tuple(r["experiment"]) for r in classify_many(pair, SENDERS)} == {("spam",)}


def test_revisions_guard_against_lost_updates(pair: Server):
    revision = put(pair, {V1: 1, V2: 1})["revision"]
    put(pair, {V1: 1, V2: 2}, revision=revision)
    for method, path, body in (
        ("PUT", "/v1/experiments/spam", {"arms": {V1: 1, V2: 3}, "revision": revision}),
        ("POST", "/v1/experiments/spam/promote", {"version": V1, "revision": revision}),
        ("POST", "/v1/experiments/spam/rollback", {"revision": revision}),
        ("DELETE", f"/v1/experiments/spam?revision={revision}", None),
    ):
        status, problem, _ = pair.request(method, path, body)
        assert (status, problem["code"]) == (409, "conflict"), method


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"arms": {"distilbert/99": 1}}, "$.arms['distilbert/99']", "no model version"),
        ({"arms": {DAMAGED: 1}}, f"$.arms['{DAMAGED}']", "does not match its checksum"),
        ({"arms": {V1: 1}, "shadow": {DAMAGED: 1}}, f"$.shadow['{DAMAGED}']", "does not match its checksum"),
        ({"arms": {TREES: 1}}, f"$.arms['{TREES}']", "is a lightgbm"),
        ({"arms": {V1: -1}}, f"$.arms['{V1}']", "finite number"),
        ({"arms": {V1: 0}}, "$.arms", "greater than 0"),
        ({"arms": {V1: 1}, "shadow": {V2: 2}}, f"$.shadow['{V2}']", "from 0 to 1"),
        ({"arms": {}}, "$.arms", ""),
        ({}, "$.arms", "required"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(pair: Server, body: object, field: str, words: str):
    before = done(pair, "GET", "/v1/experiments/spam/history?limit=1")
    status, problem, _ = pair.request("PUT", "/v1/experiments/spam", body)
    assert (status, problem["field"]) == (422, field)
    assert words in problem["detail"]
    assert done(pair, "GET", "/v1/experiments/spam/history?limit=1") == before


def test_a_damaged_version_can_be_neither_promoted_nor_ramped(pair: Server):
    for command in ("promote", "ramp"):
        status, problem, _ = pair.request("POST", f"/v1/experiments/spam/{command}", {"version": DAMAGED})
        assert (status, problem["field"]) == (422, "$.version"), command


def test_unknown_tasks_are_not_found(pair: Server):
    assert pair.request("PUT", "/v1/experiments/colour", {"arms": {V1: 1}})[0] == 404
    assert pair.request("GET", "/v1/experiments/intent/report")[0] == 404


def test_experiments_and_models_are_listed(pair: Server):
    put(pair, {V1: 5, V2: 95})
    (experiment,) = done(pair, "GET", "/v1/experiments")["experiments"]
    assert (experiment["task"], experiment["arms"]) == ("spam", {V1: 5, V2: 95})
    assert experiment["states"] == {V1: "ready", V2: "ready"}
    assert {m["ref"] for m in done(pair, "GET", "/v1/models")["models"]} >= {TREES, V1, V2}


def test_promotion_rollback_and_end_are_one_command_each_and_stand_in_the_trail(pair: Server):
    put(pair, {V2: 50, V1: 50}, control=V2, why="start")
    for command, body, arm in (("rollback", {"why": "r1"}, V2), ("promote", {"version": V1, "why": "p"}, V1)):
        changed = done(pair, "POST", f"/v1/experiments/spam/{command}", body)
        settle(pair, "spam", changed["revision"])
        assert set(arms_of(pair, SENDERS)) == {arm}
    changed = done(pair, "POST", "/v1/experiments/spam/rollback")
    settle(pair, "spam", changed["revision"])
    assert set(arms_of(pair, SENDERS)) == {V2}  # what V1 was promoted over
    done(pair, "DELETE", "/v1/experiments/spam?why=over")
    settle(pair, "spam", None)
    assert {str(each["experiment"]) for each in classify_many(pair, SENDERS)} == {"None"}
    assert done(pair, "GET", "/v1/experiments")["experiments"] == []
    trail = done(pair, "GET", "/v1/experiments/spam/history?limit=5")["changes"]
    assert [(each["act"], each["why"]) for each in trail] == [
        ("end", "over"),
        ("rollback", ""),
        ("promote", "p"),
        ("rollback", "r1"),
        ("set", "start"),
    ]
    assert all(each["changed_by"] and each["changed_at"] for each in trail)
    assert trail[0]["after"]["arms"] == {}


def test_a_shadow_sees_copies_and_answers_nothing(pair: Server):
    put(pair, {V2: 1}, shadow={V1: 1.0})
    before = pair.metric('winnow_batch_size_sum{lane="shadow"}')
    numbers = itertools.count()

    def sent() -> dict[str, Any]:
        return pair.classify(f"perhaps we might see each other tomorrow or not, {next(numbers)}", sender=SENDERS[0])

    verdicts = [sent() for _ in range(30)]
    assert {verdict["experiment"]["spam"]["arm"] for verdict in verdicts} == {V2}
    assert V1 not in {ref for verdict in verdicts for ref in verdict["models"].values()}

    def all_seen() -> bool:
        sent()  # a replica may have answered the first ones before it took the shadow for ready
        shadows = done(pair, "GET", "/v1/experiments/spam/report")["shadows"]
        assert {shadow["arm"] for shadow in shadows} <= {V1}  # none before the first is counted
        assert not any(shadow["failures"] for shadow in shadows)
        return sum(shadow["exposures"] for shadow in shadows) >= len(verdicts)

    streak(all_seen, 1, 20)
    assert pair.metric('winnow_batch_size_sum{lane="shadow"}') - before >= len(verdicts)


def test_a_report_says_what_is_known_and_what_is_not(pair: Server):
    put(pair, {V2: 50, V1: 50}, control=V2)
    for i in range(40):
        pair.classify(f"shall we meet at {i}", sender=SENDERS[i])

    def counted() -> bool:
        report = done(pair, "GET", "/v1/experiments/spam/report")
        (compared,) = report["compared"]
        assert (report["control"]["arm"], compared["treatment"]["arm"]) == (V2, V1)
        assert {finding["side"] for finding in compared["findings"]} == {"unknown"}
        assert all("not enough evidence" in finding["verdict"] for finding in compared["findings"])
        return report["task"] == "spam" and report["revision"] > 0

    streak(counted, 1, 20)


def test_a_ramp_begins_with_its_first_share(pair: Server):
    put(pair, {V2: 1, V1: 0}, control=V2)
    changed = done(pair, "POST", "/v1/experiments/spam/ramp", {"version": V1, "why": "candidate"})
    assert (changed["ramp"]["version"], changed["ramp"]["step"]) == (V1, 0)
    share = changed["ramp"]["steps"][0]["share"]
    assert changed["arms"] == {V2: pytest.approx(1 - share), V1: share}
    settle(pair, "spam", changed["revision"])


def test_any_replica_counts_for_all_of_them(pair: Server):
    before = pair.metric("winnow_verdicts_total")
    for i in range(50):
        pair.classify(f"hello {i}")
    assert {pair.metric("winnow_verdicts_total") - before for _ in range(10)} == {50.0}
