"""Which version answers which share of the traffic, and what that has shown."""

from fastapi import FastAPI, Request, Response

from deployments.gateway import Gateway
from deployments.openapi import listing, operation, parameter, ref, responses
from deployments.routes.shared import Tags, answer, authenticate, read_body, whole_number
from pipeline import wire
from pipeline.errors import InvalidField

_TAGS: Tags = ["experiments"]
_PATH = "/v1/experiments/{task}"
_LAST_REVISION = 2**31 - 1
_LONGEST_TRAIL, _USUAL_TRAIL = 1_000, 50
_LONGEST_WHY = 500


def add(app: FastAPI, gateway: Gateway) -> None:
    _add_reading(app, gateway)
    _add_weights(app, gateway)
    _add_commands(app, gateway)


def _add_reading(app: FastAPI, gateway: Gateway) -> None:
    @app.get(
        "/v1/experiments",
        summary="Experiments in force, and whether their versions are ready",
        tags=_TAGS,
        responses=responses(listing("experiments", "Listed")),
    )
    async def experiments(request: Request) -> Response:
        authenticate(gateway, request, "admin")
        return answer({"experiments": await gateway.desk.listed()})

    @app.get(
        f"{_PATH}/history",
        summary="Who changed what, when and why; newest first",
        tags=_TAGS,
        openapi_extra={"parameters": [parameter("limit", "integer", f"1 to {_LONGEST_TRAIL}, else {_USUAL_TRAIL}")]},
        responses=responses(listing("changes", "ExperimentChange"), of_a_resource=True),
    )
    async def history(task: str, request: Request) -> Response:
        authenticate(gateway, request, "admin")
        limit = whole_number(request, "limit", 1, _LONGEST_TRAIL)
        return answer({"changes": await gateway.desk.history(task, limit or _USUAL_TRAIL)})

    @app.get(
        f"{_PATH}/report",
        summary="What each version did, and what is known of the difference",
        tags=_TAGS,
        responses=responses(ref("Report"), of_a_resource=True),
    )
    async def report(task: str, request: Request) -> Response:
        authenticate(gateway, request, "admin")
        return answer(await gateway.desk.report(task))


def _add_weights(app: FastAPI, gateway: Gateway) -> None:
    @app.put(
        _PATH,
        summary="Set the weights of a task's versions",
        tags=_TAGS,
        **operation(
            "ExperimentRequest",
            {"arms": {"distilbert/4": 90, "distilbert/3": 10}, "sticky_by": "sender", "why": "first canary"},
            ref("Experiment"),
            of_a_resource=True,
        ),
    )
    async def put(task: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        asked = wire.parse_experiment(await _body(gateway, request))
        return answer(await gateway.desk.put(task, asked, principal))

    @app.delete(
        _PATH,
        summary="End an experiment: the default version answers everything",
        tags=_TAGS,
        openapi_extra={
            "parameters": [
                parameter("revision", "integer", "Refuse unless this is the current one."),
                parameter("why", "string", "For the trail of changes."),
            ]
        },
        responses=responses(ref("Experiment"), of_a_resource=True),
    )
    async def end(task: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        revision = whole_number(request, "revision", 0, _LAST_REVISION)
        why = request.query_params.get("why", "")
        if len(why) > _LONGEST_WHY:
            raise InvalidField(f"has more than {_LONGEST_WHY} characters", field="why")
        return answer(await gateway.desk.end(task, why, revision, principal))


def _add_commands(app: FastAPI, gateway: Gateway) -> None:
    @app.post(
        f"{_PATH}/promote",
        summary="Give a version all of the traffic",
        tags=_TAGS,
        **operation(
            "PromoteRequest",
            {"version": "distilbert/4", "why": "better by the report"},
            ref("Experiment"),
            of_a_resource=True,
        ),
    )
    async def promote(task: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        asked = wire.parse_promote(await _body(gateway, request))
        return answer(await gateway.desk.promote(task, asked, principal))

    @app.post(
        f"{_PATH}/rollback",
        summary="Give the control all of the traffic; where it has that, the control before it",
        tags=_TAGS,
        **operation("RollbackRequest", {"why": "complaints"}, ref("Experiment"), of_a_resource=True),
    )
    async def rollback(task: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        asked = wire.parse_rollback(await _body(gateway, request) or b"{}")
        return answer(await gateway.desk.rollback(task, asked, principal))

    @app.post(
        f"{_PATH}/ramp",
        summary="Give a version more and more of the traffic while no guardrail is hit",
        tags=_TAGS,
        **operation(
            "RampRequest", {"version": "distilbert/4", "why": "weekly candidate"}, ref("Experiment"), of_a_resource=True
        ),
    )
    async def ramp(task: str, request: Request) -> Response:
        principal = authenticate(gateway, request, "admin")
        asked = wire.parse_ramp(await _body(gateway, request))
        return answer(await gateway.desk.start_ramp(task, asked, principal))


async def _body(gateway: Gateway, request: Request) -> bytes:
    return await read_body(request, gateway.settings.request.body_bytes)
