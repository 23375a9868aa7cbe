"""Tuning, on machines that are made up."""

import pytest

from pipeline.tuning import BUDGETS, best_budget, best_threads
from pipeline.types import TokenBatch


class Machine:
    """Time goes by with calls and padded tokens, and beyond the cache with more of it."""

    def __init__(self, call_s: float, token_s: float, cache: int = 10**9, speed: float = 1.0) -> None:
        self.now = 0.0
        self._call_s, self._token_s, self._cache, self._speed = call_s, token_s, cache, speed

    def run(self, tokens: TokenBatch) -> None:
        padded = len(tokens.lengths) * int(tokens.lengths.max())
        factor = 1.0 if padded <= self._cache else 4.0
        self.now += (self._call_s + padded * self._token_s * factor) / self._speed

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("machine", "budget"),
    [
        (Machine(call_s=0.0, token_s=1e-5), min(BUDGETS)),  # calls are free: nothing pays for padding
        (Machine(call_s=1.0, token_s=1e-9), max(BUDGETS)),  # calls are all that costs
        (Machine(call_s=0.01, token_s=1e-5, cache=300), 256),  # large calls leave the cache
    ],
)
def test_the_cheapest_budget_wins(machine: Machine, budget: int) -> None:
    assert best_budget(machine.run, machine.clock) == budget


@pytest.mark.parametrize(("gain", "threads"), [(1.0, 1), (0.9, 4)])
def test_threads_are_taken_while_they_pay(gain: float, threads: int) -> None:
    """`gain` per thread beyond the first one, or none."""
    clock = {"now": 0.0}

    def opened(count: int):
        speed = 1.0 if gain == 1.0 else 1.0 + gain * (count - 1)

        def run(tokens: TokenBatch) -> None:
            clock["now"] += len(tokens.lengths) / speed

        return run

    assert best_threads(opened, 128, 4, lambda: clock["now"]) == threads


def test_one_core_has_no_choice() -> None:
    assert best_threads(lambda count: lambda tokens: None, 128, 1, lambda: 0.0) == 1
