"""What a language model costs, and what each tenant may spend on it in a day.

Money is counted in whole nanodollars (1e-9 USD): one answer costs some ten thousand of them.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from pipeline.errors import ConfigError

_NANO = 1_000_000_000


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD for a million tokens. The defaults are those that Groq publishes for llama-3.1-8b-instant at
    https://groq.com/pricing; a server of one's own costs 0.
    """

    prompt: float = 0.05
    completion: float = 0.08

    def usd(self, prompt: int, completion: int) -> float:
        """Price of so many tokens."""
        return (prompt * self.prompt + completion * self.completion) / 1e6


class Spending(Protocol):
    """What all replicas have spent, in one place."""

    async def reserve(self, tenant: str, day: str, amount: int, limit: int, owed: int) -> tuple[bool, int] | None:
        """Add `owed` to the sum of a tenant and a day, and then `amount` unless that makes it more than `limit`.

        Returns:
            Whether `amount` was added, and the sum; None where the place cannot be reached.
        """


class Reservation(msgspec.Struct, frozen=True):
    """Money set aside for one question."""

    tenant: str
    day: str
    amount: int


class _Account:
    """What this replica knows of a tenant's day."""

    __slots__ = ("mine", "owed", "total")

    def __init__(self) -> None:
        self.mine = 0  #: spent here
        self.owed = 0  #: of that, what the others have not been told; negative where they were told too much
        self.total = 0  #: spent by all, when last heard


class Budget:
    """Money is set aside before a question and settled by the answer's usage; the difference is told to the others with
    the tenant's next question.

    Where the others cannot be reached, a replica goes on alone, but only until all that it has spent that day is its
    share of the budget. Alone they spend no more than one budget together, so that a day with an outage costs less than
    two, unless there are more replicas than shares, or they restart meanwhile. What may have been counted is taken as
    not counted: that makes a tenant's day shorter, never longer.

    Args:
        spending: counts for all replicas.
        usd_per_day: a tenant's budget; 0: nothing is ever spent.
        shares: how many replicas share it when they do not hear of each other.
        today: the day that counts, "2026-01-31".
        on_alone: hears of each question that was decided without the others.
    """

    def __init__(
        self,
        spending: Spending,
        *,
        usd_per_day: float,
        shares: int = 1,
        today: Callable[[], str] = lambda: _utc_day(time.time()),
        on_alone: Callable[[], None] = lambda: None,
    ) -> None:
        if usd_per_day < 0 or shares < 1:
            raise ConfigError("a budget is not negative, and somebody must have it")
        self._spending = spending
        self._limit = _nano(usd_per_day)
        self._share = self._limit // shares
        self._today = today
        self._on_alone = on_alone
        self._day = ""
        self._accounts: dict[str, _Account] = {}

    async def reserve(self, tenant: str, usd: float) -> Reservation | None:
        """Set money aside; None where the tenant has spent its budget."""
        if not self._limit:
            return None
        amount, account, day = _nano(usd), self._account(tenant), self._day
        owed, account.owed = account.owed, 0
        told = None
        try:
            told = await self._spending.reserve(tenant, day, amount, self._limit, owed)
        finally:
            if told is None:  # it may have been counted, also where the caller has left; if so, it counts twice
                account.owed += max(owed, 0)
        if told is None:
            granted = self._alone(account, amount)
        else:
            granted, account.total = told
        account.mine += amount if granted else 0
        return Reservation(tenant, day, amount) if granted else None

    def settle(self, reservation: Reservation, usd: float) -> None:
        """Say what it cost in the end."""
        account = self._accounts.get(reservation.tenant)
        if account is not None and reservation.day == self._day:
            difference = _nano(usd) - reservation.amount
            account.mine += difference
            account.owed += difference

    def _alone(self, account: _Account, amount: int) -> bool:
        self._on_alone()
        known = account.total + max(account.owed, 0)
        granted = max(known, 0) + amount <= self._limit and account.mine + amount <= self._share
        account.owed += amount if granted else 0
        return granted

    def _account(self, tenant: str) -> _Account:
        day = self._today()
        if day != self._day:
            self._day, self._accounts = day, {}
        return self._accounts.setdefault(tenant, _Account())


def _nano(usd: float) -> int:
    return round(usd * _NANO)


def _utc_day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
