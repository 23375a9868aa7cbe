"""Experiments as an operator handles them over HTTP: the routes, the desk and a real Postgres."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from configs.settings import Settings
from deployments.api import build_api
from deployments.experiment_desk import ExperimentDesk
from pipeline.clients.postgres import Database
from pipeline.directory import Principal
from pipeline.errors import Forbidden, InvalidField, NotFound, Unauthenticated, Unavailable
from pipeline.evidence import Count
from pipeline.findings import Report, report
from pipeline.guardrails import RAMP
from pipeline.routing import Task
from pipeline.trial import Arm
from tests.support.database import forget_experiments

V = "distilbert/{}".format
SPAM = "/v1/experiments/spam"


class Shop:
    """A model store with distilbert/1-4 for spam and lightgbm/1-2 for OTPs, and what the replicas hold of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Task, list[str]]] = []
        self.there = {"spam": {V(n) for n in range(1, 5)}, "otp": {"lightgbm/1", "lightgbm/2"}}
        self.is_open = True
        self.meanwhile: Callable[[], Awaitable[object]] | None = None  #: what happens once while it answers
        self.states = {V(4): "loading on 1 of 2 replicas of DistilBert"}

    async def admit(self, task: Task, refs: Collection[str]) -> None:
        self.asked.append((task, list(refs)))
        if not self.is_open:
            raise Unavailable("the model store does not answer")
        happening, self.meanwhile = self.meanwhile, None
        if happening:
            await happening()
        for ref in refs:
            if ref not in self.there[task]:
                raise InvalidField("there is no such version", field=f"$.arms['{ref}']")

    def state(self, refs: Iterable[str]) -> Mapping[str, str]:
        return {ref: self.states.get(ref, "ready") for ref in refs}


async def evidence(task: Task) -> Report:
    if task != "spam":
        raise NotFound(f"there is no experiment for {task}")
    return report(task, Arm(V(1), Count(0, 12)), [])


def who(key: str, scope: str) -> Principal:
    principal = {
        "root": Principal("acme", "key_1", frozenset({"admin"})),
        "gate": Principal("acme", "key_2", frozenset()),
    }
    if key not in principal:
        raise Unauthenticated
    if scope not in principal[key].scopes:
        raise Forbidden
    return principal[key]


class Http:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def __call__(self, method: str, path: str, body: Any = None, key: str = "root") -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {key}"}
        answer = await self._client.request(method, path, json=body, headers=headers)
        return answer.status_code, answer.json()

    async def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = await self(method, path, body)
        assert status == 200, answer
        return answer


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
async def http(database: Database, shop: Shop) -> AsyncIterator[Http]:
    await forget_experiments(database)
    defaults = {"spam": V(1), "otp": "lightgbm/1"}
    desk = ExperimentDesk(database, shop.admit, defaults, shop.state, evidence)
    gateway: Any = SimpleNamespace(settings=Settings(), authenticate=who, desk=desk)
    transport = httpx.ASGITransport(build_api(gateway))
    async with httpx.AsyncClient(transport=transport, base_url="http://winnow") as client:
        yield Http(client)


async def test_weights_are_set_admitted_listed_and_written_down(http: Http, shop: Shop) -> None:
    asked = {"arms": {V(1): 90, V(2): 10}, "sticky_by": "recipient", "shadow": {V(4): 0.5}, "why": "canary"}
    changed = await http.done("PUT", SPAM, asked)
    assert (changed["arms"], changed["sticky_by"], changed["shadow"]) == (asked["arms"], "recipient", {V(4): 0.5})
    assert (changed["control"], changed["began"], changed["revision"]) == (V(1), {V(2): 1}, 1)
    assert shop.asked == [("spam", [V(1), V(2)]), ("spam", [V(4)])]
    (listed,) = (await http.done("GET", "/v1/experiments"))["experiments"]
    assert listed.pop("states") == {V(1): "ready", V(2): "ready", V(4): "loading on 1 of 2 replicas of DistilBert"}
    assert listed == changed
    (entry,) = (await http.done("GET", f"{SPAM}/history"))["changes"]
    assert (entry["changed_by"], entry["why"], entry["act"], entry["before"]) == ("key_1", "canary", "set", None)
    assert entry["after"]["arms"] == asked["arms"]


async def test_nobody_learns_the_salt(http: Http) -> None:
    answers = [
        await http.done("PUT", SPAM, {"arms": {V(1): 1}}),
        await http.done("POST", f"{SPAM}/promote", {"version": V(2)}),
        await http.done("POST", f"{SPAM}/rollback"),
        await http.done("POST", f"{SPAM}/ramp", {"version": V(3)}),
        *(await http.done("GET", "/v1/experiments"))["experiments"],
        await http.done("DELETE", SPAM),
    ]
    assert {answer["salt"] for answer in answers} == {""}


async def test_the_default_is_the_control_where_nobody_names_one(http: Http) -> None:
    assert (await http.done("PUT", SPAM, {"arms": {V(2): 90, V(1): 10}}))["control"] == V(1)
    assert (await http.done("PUT", SPAM, {"arms": {V(2): 90, V(1): 10}, "control": V(2)}))["control"] == V(2)


async def test_promote_roll_back_ramp_and_end(http: Http) -> None:
    await http.done("PUT", SPAM, {"arms": {V(1): 90, V(2): 10}})
    promoted = await http.done("POST", f"{SPAM}/promote", {"version": V(2), "revision": 1, "why": "better"})
    assert (promoted["arms"], promoted["control"]) == ({V(2): 1.0}, V(2))
    back = await http.done("POST", f"{SPAM}/rollback", {"why": "complaints"})
    assert (back["arms"], back["control"]) == ({V(1): 1.0}, V(1))
    ramped = await http.done("POST", f"{SPAM}/ramp", {"version": V(3), "sticky_by": "message"})
    assert (ramped["arms"], ramped["sticky_by"]) == ({V(1): 0.99, V(3): 0.01}, "message")
    assert (len(ramped["ramp"]["steps"]), ramped["ramp"]["step"], ramped["began"]) == (len(RAMP), 0, {V(3): 4})
    ended = await http.done("DELETE", f"{SPAM}?revision=4&why=enough%20of%20it")
    assert (ended["arms"], ended["revision"]) == ({}, 5)
    assert await http.done("GET", "/v1/experiments") == {"experiments": []}
    trail = (await http.done("GET", f"{SPAM}/history?limit=4"))["changes"]
    assert [entry["act"] for entry in trail] == ["end", "ramp", "rollback", "promote"]
    assert [entry["why"] for entry in trail] == ["enough of it", "", "complaints", "better"]


async def test_a_ramp_of_ones_own(http: Http) -> None:
    asked = {"version": V(2), "steps": [{"share": 0.2, "dwell_s": 60}, {"share": 1}], "limits": {"p99_ms": 90}}
    ramped = await http.done("POST", f"{SPAM}/ramp", asked)
    assert ramped["arms"] == {V(1): 0.8, V(2): 0.2}
    assert ramped["ramp"]["limits"]["p99_ms"] == 90
    assert [step["share"] for step in ramped["ramp"]["steps"]] == [0.2, 1.0]


async def test_every_task_has_versions_of_its_own(http: Http) -> None:
    await http.done("PUT", "/v1/experiments/otp", {"arms": {"lightgbm/1": 1, "lightgbm/2": 1}})
    await http.done("PUT", SPAM, {"arms": {V(1): 1}})
    listed = (await http.done("GET", "/v1/experiments"))["experiments"]
    assert [(each["task"], each["control"]) for each in listed] == [("otp", "lightgbm/1"), ("spam", V(1))]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("PUT", SPAM, {"arms": {V(1): 1, V(9): 1}}, 422, "$.arms['distilbert/9']"),
        ("PUT", SPAM, {"arms": {"lightgbm/1": 1}}, 422, "$.arms['lightgbm/1']"),
        ("PUT", SPAM, {"arms": {V(1): -1}}, 422, "$.arms['distilbert/1']"),
        ("PUT", SPAM, {"arms": {V(1): 0}}, 422, "$.arms"),
        ("PUT", SPAM, {"arms": {V(1): 1}, "shadow": {V(9): 0.1}}, 422, "$.shadow['distilbert/9']"),
        ("PUT", SPAM, {"arms": {V(1): 1}, "shadow": {V(2): 1.5}}, 422, "$.shadow['distilbert/2']"),
        ("PUT", SPAM, {"arms": {V(1): 1}, "control": V(2)}, 422, "$.control"),
        ("PUT", SPAM, {"arms": {V(1): 1}, "revision": 7}, 409, None),
        ("POST", f"{SPAM}/promote", {"version": V(9)}, 422, "$.version"),
        ("POST", f"{SPAM}/promote", {"version": V(2), "revision": 0}, 409, None),
        ("POST", f"{SPAM}/promote", {"version": V(2), "why": "a\0b"}, 422, None),
        ("POST", f"{SPAM}/rollback", {"revision": 2}, 409, None),
        ("POST", f"{SPAM}/ramp", {"version": V(9)}, 422, "$.version"),
        ("POST", f"{SPAM}/ramp", {"version": V(1)}, 422, "$.version"),
        ("POST", f"{SPAM}/ramp", {"version": V(2), "steps": [{"share": 0.5}, {"share": 0.4}]}, 422, "$.steps"),
        ("POST", f"{SPAM}/ramp", {"version": V(2), "steps": [{"share": 0.5}]}, 422, "$.steps"),
        ("DELETE", f"{SPAM}?revision=2", None, 409, None),
        ("DELETE", f"{SPAM}?revision=last", None, 422, "revision"),
        ("DELETE", f"{SPAM}?why={'x' * 501}", None, 422, "why"),
        ("DELETE", "/v1/experiments/otp", None, 404, None),
        ("POST", "/v1/experiments/otp/rollback", None, 404, None),
        ("GET", f"{SPAM}/history?limit=0", None, 422, "limit"),
        ("GET", f"{SPAM}/history?limit=1001", None, 422, "limit"),
        ("GET", f"{SPAM}/history?limit=٣", None, 422, "limit"),
        ("GET", "/v1/experiments/otp/report", None, 404, None),
        ("POST", f"{SPAM}/report", None, 405, None),
    ],
    ids=str,
)
async def test_what_cannot_be_done_is_named_and_changes_nothing(
    http: Http, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    await http.done("PUT", SPAM, {"arms": {V(1): 1}})
    found, problem = await http(method, path, body)
    assert (found, problem.get("field")) == (status, field)
    assert [each["revision"] for each in (await http.done("GET", "/v1/experiments"))["experiments"]] == [1]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "", {"arms": {V(1): 1}}),
        ("DELETE", "", None),
        ("POST", "/promote", {"version": V(1)}),
        ("POST", "/rollback", None),
        ("POST", "/ramp", {"version": V(1)}),
        ("GET", "/history", None),
        ("GET", "/report", None),
    ],
)
async def test_unknown_tasks_and_keys_without_the_scope(http: Http, method: str, path: str, body: Any) -> None:
    status, problem = await http(method, f"/v1/experiments/colour{path}", body)
    assert (status, problem["detail"]) == (404, "there is no such task; there are spam, phishing, otp, intent")
    assert (await http(method, f"{SPAM}{path}", body, key="gate"))[0] == 403
    assert (await http(method, f"{SPAM}{path}", body, key="nobody"))[0] == 401


async def test_two_engineers_at_once_do_not_overwrite_each_other(http: Http) -> None:
    await http.done("PUT", SPAM, {"arms": {V(1): 1}})
    asked = [http("PUT", SPAM, {"arms": {V(1): 1, V(2): n}, "revision": 1}) for n in range(1, 5)]
    assert sorted(status for status, _ in await asyncio.gather(*asked)) == [200, 409, 409, 409]


async def test_back_to_the_control_needs_no_model_store(http: Http, shop: Shop) -> None:
    await http.done("PUT", SPAM, {"arms": {V(1): 10, V(2): 90}})
    shop.is_open = False
    assert (await http.done("POST", f"{SPAM}/rollback"))["arms"] == {V(1): 1.0, V(2): 0.0}
    assert (await http("PUT", SPAM, {"arms": {V(1): 1}}))[0] == 503


async def test_an_earlier_control_that_is_gone_is_not_gone_back_to(http: Http, shop: Shop) -> None:
    for version in (V(2), V(3)):
        await http.done("POST", f"{SPAM}/promote", {"version": version})
    shop.there["spam"].remove(V(2))
    status, problem = await http("POST", f"{SPAM}/rollback")
    assert (status, problem["detail"]) == (422, "distilbert/2: there is no such version")
    assert (await http.done("GET", "/v1/experiments"))["experiments"][0]["control"] == V(3)


async def test_an_earlier_control_is_admitted_for_the_experiment_that_it_was_found_for(http: Http, shop: Shop) -> None:
    """Somebody promotes another version while the model store answers: that is not rolled back unseen."""
    for version in (V(2), V(3)):
        await http.done("POST", f"{SPAM}/promote", {"version": version})
    shop.meanwhile = lambda: http.done("PUT", SPAM, {"arms": {V(4): 1}})
    status, problem = await http("POST", f"{SPAM}/rollback")
    assert (status, problem["detail"]) == (409, "the experiment is at revision 3, not 2")


async def test_the_report_is_passed_on(http: Http) -> None:
    found = await http.done("GET", f"{SPAM}/report")
    assert (found["task"], found["control"]["arm"], found["control"]["exposures"]) == ("spam", V(1), 12)


async def test_the_documentation_names_what_there_is(http: Http) -> None:
    document = await http.done("GET", "/openapi.json")
    assert set(document["paths"]["/v1/experiments/{task}"]) == {"put", "delete"}
    for command in ("promote", "rollback", "ramp"):
        described = document["paths"][f"/v1/experiments/{{task}}/{command}"]["post"]
        assert {"200", "404", "409", "422"} <= set(described["responses"])
    schemas = document["components"]["schemas"]
    referred = {name.split('"')[0] for name in str(document).replace("'", '"').split("#/components/schemas/")[1:]}
    assert referred <= set(schemas)
