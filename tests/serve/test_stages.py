"""A stage that dies under load: the others still answer, it is named, and it comes back by itself."""

import time
import uuid

import psutil

from tests.support.server import Server


def replica(server: Server, deployment: str) -> psutil.Process:
    """The process of a deployment's replica."""
    processes = psutil.Process(server.process_id).children(recursive=True)
    (found,) = [p for p in processes if f"ServeReplica:winnow:{deployment}" in " ".join(p.cmdline())]
    return found


def probe(server: Server) -> dict[str, object]:
    status, verdict, _ = server.request("POST", "/v1/classify", {"text": f"perhaps {uuid.uuid4().hex}"})
    assert status == 200, verdict
    return verdict


def test_a_hung_stage_is_left_out_before_the_deadline(server: Server):
    """Each batch until the breaker opens waits for the stage's timeout; all of them are answered."""
    process = replica(server, "LightGbm")
    process.suspend()
    try:
        verdicts = [probe(server) for _ in range(5)]
    finally:
        process.resume()
    assert {tuple(verdict["degraded"]) for verdict in verdicts} == {("lightgbm",)}
    recovered(server, {("lightgbm",), ()}, within_s=20)


def test_a_stage_may_die_and_come_back_under_load(server: Server):
    assert probe(server)["degraded"] == []
    replica(server, "LightGbm").kill()
    seen = recovered(server, {("lightgbm",), ()}, within_s=90)
    assert ("lightgbm",) in seen
    assert server.metric('winnow_stage_failures_total{error="open",stage="lightgbm"}') > 0


def recovered(server: Server, allowed: set[tuple[str, ...]], *, within_s: float) -> set[tuple[str, ...]]:
    """Ask until ten answers in a row are whole; what was degraded until then."""
    seen: set[tuple[str, ...]] = set()
    give_up = time.monotonic() + within_s
    healthy = 0
    while healthy < 10:
        assert time.monotonic() < give_up, f"not back in time; seen: {seen}"
        verdict = probe(server)
        degraded = tuple(verdict["degraded"])
        seen.add(degraded)
        assert degraded in allowed
        if degraded == ("lightgbm",):
            assert verdict["decided_by"] == "transformer"
            assert verdict["is_phishing"] is None
        healthy = 0 if degraded else healthy + 1
    return seen
