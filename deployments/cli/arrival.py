"""Waiting until every replica can answer with the versions that a change named."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping

from deployments.client import Client
from pipeline.errors import Conflict, ModelError
from pipeline.readiness import LOADING, READY

_PAUSE_S = 0.5


async def until_ready(
    client: Client, task: str, refs: Collection[str], patience_s: float, say: Callable[[str], None]
) -> None:
    """Return when all of the versions are ready; traffic goes to each from then on.

    Args:
        refs: "name/version", those that the change named.
        say: told what it waits for, whenever that changes.

    Raises:
        ModelError: a version cannot be loaded, or is not within the time.
        Conflict: the experiment does not name it any more.
    """
    give_up, said = time.monotonic() + patience_s, ""
    while waiting := _waiting(await _states(client, task), task, refs):
        words = "; ".join(f"{ref}: {state}" for ref, state in waiting.items())
        if time.monotonic() >= give_up:
            raise ModelError(f"not ready after {patience_s:g} s: {words}")
        if words != said:
            say(f"waiting for {words}")
            said = words
        await asyncio.sleep(_PAUSE_S)


async def _states(client: Client, task: str) -> Mapping[str, str]:
    """Of all versions that the task's experiment names."""
    return next((each.states for each in await client.experiments() if each.task == task), {})


def _waiting(states: Mapping[str, str], task: str, refs: Collection[str]) -> dict[str, str]:
    """Those that are still on their way, with their states."""
    for ref in refs:
        if ref not in states:
            raise Conflict(f"the experiment for {task} was changed meanwhile and does not name {ref} any more")
        if states[ref] != READY and not states[ref].startswith(LOADING):
            raise ModelError(f"{ref} cannot be loaded: {states[ref]}")
    return {ref: states[ref] for ref in refs if states[ref] != READY}
