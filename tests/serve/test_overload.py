"""More requests at once than there is room for: some are answered, the rest refused at once, and it is soon over."""

import asyncio
import uuid
from collections import Counter

import aiohttp

from tests.support.server import Server

AT_ONCE = 600


async def test_what_is_too_much_is_refused_with_a_time_to_come_back(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(server.url, headers=headers, connector=connector) as session:
        answers = await asyncio.gather(*(ask(session) for _ in range(AT_ONCE)))
        statuses = Counter(status for status, _ in answers)
        assert set(statuses) == {200, 429}, statuses
        assert {wait for status, wait in answers if status == 429} == {"1"}
        assert (await ask(session))[0] == 200  # what was refused holds nothing back


async def ask(session: aiohttp.ClientSession) -> tuple[int, str | None]:
    """Status and Retry-After."""
    async with session.post("/v1/classify", json={"text": f"hello {uuid.uuid4().hex}"}) as response:
        await response.read()
        return response.status, response.headers.get("Retry-After")
