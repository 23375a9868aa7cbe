"""Budgets with replicas that hear of each other, and with those that do not."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.budget import Budget, Prices
from pipeline.errors import ConfigError

CENT = 0.01


class Sums:
    """What Redis does, with a switch."""

    def __init__(self) -> None:
        self.spent: dict[tuple[str, str], int] = {}
        self.away = False
        self.calls = 0

    async def reserve(self, tenant: str, day: str, amount: int, limit: int, owed: int) -> tuple[bool, int] | None:
        self.calls += 1
        await asyncio.sleep(0)
        if self.away:
            return None
        spent = self.spent.get((tenant, day), 0) + owed
        granted = spent + amount <= limit
        self.spent[tenant, day] = spent + amount * granted
        return granted, self.spent[tenant, day]

    def usd(self, tenant: str = "bank", day: str = "") -> float:
        return self.spent.get((tenant, day), 0) / 1e9


class Replica:
    def __init__(self, sums: Sums, usd_per_day: float = 0.1, shares: int = 2) -> None:
        self.day = ""
        self.alone = 0
        self.budget = Budget(sums, usd_per_day=usd_per_day, shares=shares, today=lambda: self.day, on_alone=self._count)

    def _count(self) -> None:
        self.alone += 1

    async def spend(self, usd: float, actual: float | None = None, tenant: str = "bank") -> bool:
        reservation = await self.budget.reserve(tenant, usd)
        if reservation:
            self.budget.settle(reservation, usd if actual is None else actual)
        return reservation is not None


def test_prices_of_groq():
    assert Prices().usd(1_000_000, 0) == 0.05
    assert Prices().usd(202, 12) == pytest.approx(1.106e-05)


async def test_all_replicas_share_a_day():
    sums = Sums()
    first, second = Replica(sums), Replica(sums)
    spent = [await replica.spend(CENT) for _ in range(8) for replica in (first, second)]
    assert spent == [True] * 10 + [False] * 6
    assert sums.usd() == pytest.approx(0.1)


async def test_asking_at_once_does_not_overspend():
    sums = Sums()
    replicas = [Replica(sums) for _ in range(4)]
    granted = await asyncio.gather(*(replica.spend(CENT) for replica in replicas for _ in range(10)))
    assert sum(granted) == 10


async def test_tenants_and_days_have_their_own():
    replica = Replica(Sums())
    assert await replica.spend(0.1) and not await replica.spend(CENT)
    assert await replica.spend(CENT, tenant="shop")
    replica.day = "tomorrow"
    assert await replica.spend(CENT)


async def test_what_a_question_cost_less_is_given_back_and_what_it_cost_more_is_taken():
    sums = Sums()
    replica = Replica(sums)
    for actual in (0.001, 0.03):
        assert await replica.spend(CENT, actual)
    assert await replica.spend(CENT)
    assert sums.usd() == pytest.approx(0.041)


async def test_a_budget_of_nothing_asks_nobody():
    sums = Sums()
    assert not await Replica(sums, 0.0).spend(CENT)
    assert sums.calls == 0


async def test_alone_a_replica_spends_its_share_and_tells_of_it_later():
    sums = Sums()
    replica = Replica(sums)
    assert await replica.spend(CENT)
    sums.away = True
    assert [await replica.spend(CENT) for _ in range(6)] == [True] * 4 + [False] * 2
    assert replica.alone == 6
    sums.away = False
    assert await replica.spend(CENT)
    assert sums.usd() == pytest.approx(0.06)


async def test_who_leaves_while_asking_takes_no_debt_along():
    sums = Sums()
    replica = Replica(sums)
    assert await replica.spend(CENT, actual=0.03)
    leaver = asyncio.create_task(replica.budget.reserve("bank", CENT))
    await asyncio.sleep(0)
    leaver.cancel()
    await asyncio.gather(leaver, return_exceptions=True)
    assert leaver.cancelled() and await replica.spend(CENT)
    assert sums.usd() == pytest.approx(0.04)


async def test_alone_it_remembers_what_the_others_have_spent():
    sums = Sums()
    first, second = Replica(sums), Replica(sums)
    for _ in range(8):
        await first.spend(CENT)
    assert await second.spend(CENT)
    sums.away = True
    assert [await second.spend(CENT) for _ in range(3)] == [True, False, False]


async def test_a_reservation_of_yesterday_does_not_touch_today():
    sums = Sums()
    replica = Replica(sums)
    old = await replica.budget.reserve("bank", CENT)
    replica.day = "tomorrow"
    assert await replica.spend(CENT)
    assert old is not None
    replica.budget.settle(old, 0.0)
    assert await replica.spend(CENT)
    assert sums.usd(day="tomorrow") == pytest.approx(0.02)


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.booleans(), st.floats(0.0, 0.03), st.floats(0.0, 1.0)), min_size=1, max_size=60
    )
)
def test_a_day_with_outages_costs_less_than_two(steps: list[tuple[int, bool, float, float]]):
    async def run() -> float:
        sums, spent = Sums(), 0.0
        replicas = [Replica(sums, shares=4) for _ in range(4)]
        for which, sums.away, usd, share in steps:
            if await replicas[which].spend(usd, usd * share):
                spent += usd * share
        return spent

    assert asyncio.run(run()) < 2 * 0.1


async def test_alone_one_that_heard_of_nobody_has_its_share():
    sums = Sums()
    first, second = Replica(sums, shares=4), Replica(sums, shares=4)
    assert await first.spend(0.1)
    sums.away = True
    assert [await second.spend(CENT) for _ in range(3)] == [True, True, False]
    assert not await first.spend(CENT)


@pytest.mark.parametrize(("usd", "shares"), [(-1.0, 1), (1.0, 0)])
def test_budgets_that_are_none(usd: float, shares: int):
    with pytest.raises(ConfigError):
        Budget(Sums(), usd_per_day=usd, shares=shares)
