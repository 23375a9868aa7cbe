"""One question of a caller, who asks once more where a gateway would."""

import asyncio
import time
from typing import Any

import aiohttp
import msgspec

_PAUSE_S = 0.1  #: before the second try, where the answer does not name one
_LONGEST_PAUSE_S = 2.0
_PATIENCE = aiohttp.ClientTimeout(total=30.0)


class Reply(msgspec.Struct, frozen=True):
    """How a question ended."""

    status: int  #: 0: there was no answer
    body: Any  #: decoded; None unless there was an answer
    asked_at: float  #: of the last try, monotonic seconds
    seconds: float  #: from the first try to the end, the pause included
    first: str = ""  #: what the first try ended with, where there was a second

    @property
    def answered(self) -> bool:
        return 200 <= self.status < 300


async def ask(session: aiohttp.ClientSession, url: str, body: Any) -> Reply:
    """Post; once more after a lost connection, a status of 500 or more, or 429."""
    begun = time.monotonic()
    status, found, pause = await _once(session, url, body)
    if status not in (0, 429) and status < 500:
        return Reply(status, found, begun, time.monotonic() - begun)
    first = f"status {status}" if status else "connection lost"
    await asyncio.sleep(pause)
    asked_at = time.monotonic()
    status, found, _ = await _once(session, url, body)
    return Reply(status, found, asked_at, time.monotonic() - begun, first)


async def _once(session: aiohttp.ClientSession, url: str, body: Any) -> tuple[int, Any, float]:
    """Status, decoded body, and seconds to wait before another try."""
    try:
        async with session.post(url, data=msgspec.json.encode(body), timeout=_PATIENCE) as response:
            content = await response.read()
            found = msgspec.json.decode(content) if response.ok else None
            return response.status, found, _pause(response.headers.get("Retry-After", ""))
    except (aiohttp.ClientError, OSError):  # a time-out is an OSError, too
        return 0, None, _PAUSE_S


def _pause(header: str) -> float:
    return min(float(header), _LONGEST_PAUSE_S) if header.isdecimal() else _PAUSE_S
