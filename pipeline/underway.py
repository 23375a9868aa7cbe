"""Tasks in the background, of each tenant a bounded number: one whose tasks take long uses up nobody else's room."""

import asyncio
import math
from collections import Counter
from collections.abc import Coroutine


class Underway:
    """
    Args:
        most_of_one: tasks of one tenant at once.
        most: of all tenants.
    """

    def __init__(self, most_of_one: int, most: float = math.inf) -> None:
        self._most_of_one = most_of_one
        self._most = most
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._counts: Counter[str] = Counter()

    def has_room(self, tenant: str) -> bool:
        return len(self._tasks) < self._most and self._counts[tenant] < self._most_of_one

    def start(self, tenant: str, work: Coroutine[None, None, None]) -> None:
        """Begin a task, whether there is room or not: who asks first must not wait in between."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = tenant
        self._counts[tenant] += 1
        task.add_done_callback(self._forget)

    def cancel(self) -> None:
        """Let go of all of them."""
        for task in self._tasks:
            task.cancel()

    async def ended(self) -> None:
        """Return once those have ended that are under way now."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _forget(self, task: asyncio.Task[None]) -> None:
        tenant = self._tasks.pop(task)
        self._counts[tenant] -= 1
        if not self._counts[tenant]:
            del self._counts[tenant]
