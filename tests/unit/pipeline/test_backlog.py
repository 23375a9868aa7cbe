"""The backlog: two queues, fair to each other, and a refusal that comes at once."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.backlog import Backlog
from pipeline.errors import Overloaded


class Item(msgspec.Struct, frozen=True):
    name: int
    cost: int = 1
    bulk: bool = False


def drain(backlog: Backlog[Item]) -> list[Item]:
    return list(iter(lambda: backlog.take(float("inf")), None))


@given(st.lists(st.booleans(), max_size=60))
def test_nothing_is_lost_and_each_queue_keeps_its_order(kinds: list[bool]) -> None:
    backlog: Backlog[Item] = Backlog(100)
    items = [Item(i, bulk=bulk) for i, bulk in enumerate(kinds)]
    for item in items:
        backlog.add(item, bulk=item.bulk)
    taken = drain(backlog)
    assert len(taken) == len(items)
    for bulk in (True, False):
        assert [i for i in taken if i.bulk is bulk] == [i for i in items if i.bulk is bulk]


def test_singles_go_first_and_bulk_does_not_starve() -> None:
    backlog: Backlog[Item] = Backlog(1000)
    for i in range(100):
        backlog.add(Item(i, bulk=True), bulk=True)
        backlog.add(Item(i), bulk=False)
    first = [backlog.take(float("inf")) for _ in range(40)]
    assert [item.bulk for item in first if item].count(True) == 10


def test_what_costs_too_much_stays() -> None:
    backlog: Backlog[Item] = Backlog(10)
    backlog.add(Item(1, cost=5), bulk=False)
    assert backlog.take(4) is None
    assert backlog.take(5) == Item(1, cost=5)


def test_a_full_queue_refuses() -> None:
    backlog: Backlog[Item] = Backlog(1)
    for bulk in (True, False):
        backlog.add(Item(1), bulk=bulk)
        with pytest.raises(Overloaded) as caught:
            backlog.add(Item(2), bulk=bulk)
        assert caught.value.retry_after_s == 1.0
