"""What the stages that run models share."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

#: Every replica classifies this once before it says that it is ready.
DRY_RUN = "Your parcel arrives today between 2 and 4 pm."

P = ParamSpec("P")
R = TypeVar("R")


class Worker:
    """One thread for the models of a replica: user code runs on its main loop, which nothing may block."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: work(*args, **kwargs))
