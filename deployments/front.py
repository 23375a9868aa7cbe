"""The way in: the two busy routes pass the framework by, the others go through it.

FastAPI's middlewares, routing and dependencies cost more than the handlers of these routes do themselves. They are
registered there all the same, so that the documentation has them and a wrong method is answered as everywhere.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from deployments.problem import problem_response, unexpected
from pipeline.errors import WinnowError, describe

log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Front:
    """Outermost layer. Of an unexpected exception the log gets its kind and place, never its message.

    Args:
        app: of the framework.
        busy: path to the handler of its POST requests.
    """

    def __init__(self, app: ASGIApp, busy: Mapping[str, Handler]) -> None:
        self._app = app
        self._busy = busy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        handler = self._busy.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        try:
            if handler is None:
                await self._app(scope, receive, send)
            else:
                response = await _answer(handler, Request(scope, receive))
                await response(scope, receive, send)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception as error:
            log.error("unexpected %s", describe(error))


async def _answer(handler: Handler, request: Request) -> Response:
    try:
        return await handler(request)
    except ClientDisconnect:
        raise
    except WinnowError as error:
        return problem_response(error)
    except Exception as error:
        log.error("unexpected %s", describe(error))
        return problem_response(unexpected())
