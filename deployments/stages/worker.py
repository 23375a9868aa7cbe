"""What the stages share."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pipeline.errors import describe

#: Every replica classifies this once before it says that it is ready.
DRY_RUN = "Your parcel arrives today between 2 and 4 pm."

P = ParamSpec("P")
R = TypeVar("R")


def discreet(method: Callable[P, Awaitable[R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Let only kind and place of an error out: Ray logs what a replica raises, and the words may quote a message."""

    @wraps(method)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(*args, **kwargs)
        except Exception as error:
            failure = RuntimeError(describe(error))
        raise failure  # out here it has no context that could be shown

    return guarded


class Worker:
    """One thread for the models of a replica: user code runs on its main loop, which nothing may block."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))
