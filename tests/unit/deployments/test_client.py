import socket

import msgspec
import pytest

from deployments.client import Client
from pipeline.errors import (
    ConfigError,
    Conflict,
    Forbidden,
    InvalidField,
    MalformedJson,
    Overloaded,
    TooLarge,
    Unauthenticated,
    Unavailable,
    WinnowError,
)
from pipeline.guardrails import Step
from pipeline.orders import ExperimentRequest, PromoteRequest, RampRequest, RollbackRequest
from pipeline.routing import Experiment
from pipeline.types import Verdict
from pipeline.wire import BadItem, ClassifyRequest, FeedbackRequest
from tests.support.api_server import KEY, REPORT, ApiServer

SCAM = ClassifyRequest(text="You won a prize", sender="VM-LUCKY", message_id="gw-1", policy="strict")
CODE = ClassifyRequest(text="Your code is 123456")


async def test_a_verdict_comes_back_whole(api: ApiServer):
    async with Client(api.url + "/", KEY) as client:
        verdict = await client.classify(SCAM)
    assert (verdict.message_id, verdict.action, verdict.is_spam) == ("gw-1", "block", True)
    assert verdict.reasons[0].symbol == "PRIZE"
    (body,) = api.bodies("/v1/classify")
    assert (body["text"], body["sender"], body["policy"]) == (SCAM.text, SCAM.sender, "strict")


async def test_a_batch_keeps_order_and_its_bad_item_is_an_error_of_its_own(api: ApiServer):
    async with Client(api.url, KEY) as client:
        first, bad, last = await client.classify_batch([SCAM, ClassifyRequest(text="", message_id="empty"), CODE])
    assert isinstance(first, Verdict)
    assert first.is_spam
    assert isinstance(last, Verdict)
    assert last.is_otp
    assert isinstance(bad, BadItem)
    assert bad.message_id == "empty"
    assert isinstance(bad.error, InvalidField)
    assert bad.error.field == "$.text"


async def test_feedback_and_models(api: ApiServer):
    async with Client(api.url, KEY) as client:
        stored = await client.feedback(FeedbackRequest(label="ham", receipt="r.1"))
        assert (stored.status, stored.credited_to) == ("stored", "r.1")
        assert [model.ref for model in await client.models()] == ["distilbert/1"]


async def test_experiments_are_set_listed_and_ended(api: ApiServer):
    async with Client(api.url, KEY) as client:
        changed = await client.put_experiment("spam", ExperimentRequest({"distilbert/2": 90.0, "distilbert/1": 10.0}))
        assert (changed.revision, changed.control, changed.began) == (2, "distilbert/1", {"distilbert/2": 2})
        api.states.append({"distilbert/2": "loading on 1 of 2 replicas of DistilBert"})
        (listed,) = await client.experiments()
        assert listed.states == {
            "distilbert/1": "ready",
            "distilbert/2": "loading on 1 of 2 replicas of DistilBert",
        }
        assert msgspec.convert(listed, Experiment, from_attributes=True) == changed
        assert (await client.end_experiment("spam", revision=2, why="a & b")).arms == {}
        assert await client.experiments() == []
        assert [(each.act, each.why) for each in await client.history("spam", 1)] == [("end", "a & b")]


async def test_promote_roll_back_and_ramp(api: ApiServer):
    async with Client(api.url, KEY) as client:
        promoted = await client.promote("spam", PromoteRequest("distilbert/2", revision=1, why="better"))
        assert promoted.arms == {"distilbert/2": 1.0}
        assert (await client.rollback("spam", RollbackRequest(why="oh"))).arms == {"distilbert/0": 1.0}
        ramped = await client.start_ramp("spam", RampRequest("distilbert/3", (Step(0.5), Step(1.0))))
        assert ramped.ramp and ramped.ramp.steps == (Step(0.5), Step(1.0))
        trail = await client.history("spam")
    assert [each.act for each in trail] == ["ramp", "rollback", "promote"]
    assert trail[-1].before and trail[-1].before.arms == {"distilbert/1": 1.0}


async def test_a_report_comes_back_whole(api: ApiServer):
    async with Client(api.url, KEY) as client:
        assert await client.report("spam") == REPORT


async def test_a_rollback_whose_answer_was_lost_is_not_done_twice(api: ApiServer):
    api.faults.extend(["lost"])
    async with Client(api.url, KEY) as client:
        with pytest.raises(Conflict, match="revision 2, not 1"):
            await client.rollback("spam", RollbackRequest(revision=1))
        assert [each.act for each in await client.history("spam")] == ["rollback"]
    assert [body["revision"] for body in api.bodies("/v1/experiments/spam/rollback")] == [1, 1]


async def test_a_rollback_without_a_revision_is_sent_with_the_one_in_force(api: ApiServer):
    async with Client(api.url, KEY) as client:
        await client.rollback("spam", RollbackRequest())
    assert [body["revision"] for body in api.bodies("/v1/experiments/spam/rollback")] == [1]


@pytest.mark.parametrize(
    "sent",
    [
        MalformedJson("no JSON"),
        InvalidField("too odd", field="$.policy"),
        TooLarge("too long", field="$.text"),
        Unauthenticated("who?"),
        Forbidden("not you"),
        Conflict("somebody was first"),
        Overloaded("too many wait"),
        Unavailable("Postgres is down"),
    ],
)
async def test_a_problem_becomes_the_error_of_its_code(api: ApiServer, sent: WinnowError):
    api.faults.append(sent)
    async with Client(api.url, KEY) as client:
        with pytest.raises(WinnowError) as caught:
            await client.classify(CODE)
    got = caught.value
    assert (type(got), got.detail, got.field) == (type(sent), sent.detail, sent.field)
    assert len(api.requests) == 1


async def test_an_unknown_code_is_a_plain_error_with_its_detail(api: ApiServer):
    class Novelty(WinnowError):
        code = "novelty"

    api.faults.append(Novelty("of a later version"))
    async with Client(api.url, KEY) as client:
        with pytest.raises(WinnowError, match="of a later version") as caught:
            await client.classify(CODE)
    assert type(caught.value) is WinnowError


async def test_a_lost_connection_is_tried_once_more(api: ApiServer):
    api.faults.append("reset")
    async with Client(api.url, KEY) as client:
        assert (await client.classify(CODE)).is_otp
    assert len(api.requests) == 2


async def test_twice_lost_is_unavailable(api: ApiServer):
    api.faults.extend(["reset", "reset"])
    async with Client(api.url, KEY) as client:
        with pytest.raises(Unavailable, match="closed the connection"):
            await client.classify(CODE)
    assert len(api.requests) == 2


async def test_a_task_cannot_lead_to_another_path(api: ApiServer):
    async with Client(api.url, KEY) as client:
        await client.put_experiment("../v1/feedback?x=", ExperimentRequest({"distilbert/1": 1.0}))
    ((method, path, _),) = api.requests
    assert (method, path) == ("PUT", "/v1/experiments/../v1/feedback?x=")


@pytest.mark.parametrize("busy", [Unavailable("not ready", retry_after_s=0), Overloaded("full", retry_after_s=0)])
async def test_a_short_wait_is_waited(api: ApiServer, busy: WinnowError):
    api.faults.append(busy)
    async with Client(api.url, KEY) as client:
        assert (await client.classify(CODE)).is_otp
    assert len(api.requests) == 2


async def test_a_long_wait_is_left_to_the_caller(api: ApiServer):
    api.faults.append(Unavailable("come back later", retry_after_s=3600))
    async with Client(api.url, KEY) as client:
        with pytest.raises(Unavailable, match="come back later") as caught:
            await client.classify(CODE)
    assert caught.value.retry_after_s == 3600
    assert len(api.requests) == 1


async def test_a_proxy_without_servers_is_unavailable(api: ApiServer):
    api.faults.append("html")
    async with Client(api.url, KEY) as client:
        with pytest.raises(Unavailable, match="answered 503"):
            await client.classify(CODE)


async def test_a_refusal_by_ray_serve_is_an_overload(api: ApiServer):
    api.faults.append("busy")
    async with Client(api.url, KEY) as client:
        with pytest.raises(Overloaded) as caught:
            await client.classify(CODE)
    assert caught.value.retry_after_s == 60.0


async def test_another_service_is_recognised(api: ApiServer):
    api.faults.append("foreign")
    async with Client(api.url, KEY) as client:
        with pytest.raises(WinnowError, match="is the URL right"):
            await client.classify(CODE)


async def test_nobody_there_says_how_to_start_a_server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    async with Client(url, KEY) as client:
        with pytest.raises(Unavailable, match="winnow serve") as caught:
            await client.models()
    assert url in caught.value.detail


async def test_a_server_that_hangs_is_unavailable():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with Client(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY, timeout_s=0.1) as client:
            with pytest.raises(Unavailable, match="no answer within"):
                await client.models()


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://localhost", "http://", "", "http://[::1"])
async def test_a_url_that_is_none_is_named(url: str):
    async with Client(url, KEY) as client:
        with pytest.raises(ConfigError, match="http://host:port"):
            await client.models()


@pytest.mark.parametrize("key", ["", "a\r\nX-Evil: 1", "clé"])
def test_a_key_that_cannot_be_one_is_refused_and_not_repeated(key: str):
    with pytest.raises(ConfigError) as caught:
        Client("http://127.0.0.1:1", key)
    assert not key or key not in caught.value.detail


async def test_a_lone_surrogate_never_leaves(api: ApiServer):
    async with Client(api.url, KEY) as client:
        with pytest.raises(InvalidField, match="surrogate"):
            await client.classify(ClassifyRequest(text="\ud800"))
    assert not api.requests
