"""The HTTP contract as one ASGI application; its routes are in `deployments.routes`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from deployments import openapi
from deployments.front import Front
from deployments.gateway import Gateway
from deployments.problem import on_http_exception, on_unexpected, on_winnow_error
from deployments.routes import administration, classification, experiments, feedback, operations
from pipeline.errors import WinnowError

DESCRIPTION = """Tells for every SMS whether it is spam, phishing or a one-time password, and what the password is for.

Every path under `/v1` asks for `Authorization: Bearer <key>`. Errors are problem details (RFC 9457): `code` is stable
and `field` is the JSON path of what is wrong. A stage that is down is left out and named in `degraded`; the rest
still answers."""


def build_api(gateway: Gateway) -> ASGIApp:
    """The ASGI application of one ingress replica."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await gateway.start()
        try:
            yield
        finally:
            await gateway.stop()

    app = FastAPI(
        title="Winnow",
        version="0.1.0",
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(WinnowError, on_winnow_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(Exception, on_unexpected)
    openapi.install(app)
    operations.add(app, gateway)
    busy = classification.add(app, gateway)
    feedback.add(app, gateway)
    experiments.add(app, gateway)
    administration.add(app, gateway)
    return Front(app, busy)
