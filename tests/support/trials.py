"""Labels and traffic for tests of experiments on a real Postgres."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import TypeVar

from pipeline.clients.postgres import Database

T = TypeVar("T")

_ids = count(1)
_PATIENCE_S = 30.0

_ADD = """
insert into spam_feedback (
    tenant, receipt_id, task, label, arms, decisions, models, scores, sender_key, recipient_key, created_at
)
values ($1, $2, $3, $4, $5, $6, '{}', '{}', $7, $8, coalesce(to_timestamp($9), now()))
"""


async def add_tenants(database: Database, *tenants: str) -> None:
    async with database.connection() as connection:
        await connection.executemany("insert into tenants (id) values ($1)", [(each,) for each in tenants])


def row(
    arm: str,
    said: str,
    label: str = "ham",
    *,
    revision: int = 1,
    tenant: str = "acme",
    sender: str = "",
    recipient: str = "",
    receipt: str = "",
    at: float | None = None,
    task: str = "spam",
) -> tuple[object, ...]:
    """A label for a verdict that said `said`; `at`: when it arrived, None: now."""
    arms, decisions = {task: (arm, revision)}, {task: said}
    return tenant, receipt or f"r{next(_ids)}", "spam", label, arms, decisions, sender, recipient, at


async def add_labels(database: Database, rows: Sequence[tuple[object, ...]]) -> None:
    async with database.connection() as connection:
        await connection.executemany(_ADD, rows)


def legitimate(rng: random.Random, arm: str, rate: float, size: int, revision: int = 1) -> list[tuple[object, ...]]:
    """Labels of legitimate messages of as many senders, of which the arm flags a share."""
    return [
        row(arm, "spam" if rng.random() < rate else "ham", sender=f"k{next(_ids)}", revision=revision)
        for _ in range(size)
    ]


async def eventually(ask: Callable[[], Awaitable[T | None]]) -> T:
    """The first answer that is true."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            if answer := await ask():
                return answer
            await asyncio.sleep(0.02)
