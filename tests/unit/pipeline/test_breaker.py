from hypothesis import given
from hypothesis import strategies as st

from pipeline.breaker import Breaker


def opened() -> Breaker:
    """Opened at 0 s, next probe at 1 s."""
    breaker = Breaker(threshold=2, probe_interval_s=1.0)
    breaker.failure(0.0)
    breaker.failure(0.0)
    return breaker


def test_opens_at_the_threshold_of_failures_in_a_row() -> None:
    breaker = Breaker(threshold=2, probe_interval_s=1.0)
    breaker.failure(0.0)
    breaker.success()
    breaker.failure(0.0)
    assert breaker.state == "closed" and breaker.allow(0.0)
    breaker.failure(0.0)
    assert breaker.state == "open" and not breaker.allow(0.0)


def test_lets_one_probe_through_when_the_interval_is_over() -> None:
    breaker = opened()
    assert not breaker.allow(0.99)
    assert breaker.allow(1.0) and breaker.state == "half_open"
    assert not breaker.allow(1.5)


def test_asking_whether_it_refuses_uses_no_probe_up() -> None:
    breaker = opened()
    assert breaker.refuses(0.99) and not breaker.refuses(1.0)
    assert breaker.state == "open" and breaker.allow(1.0)
    assert breaker.refuses(1.5) and not breaker.refuses(2.0)
    breaker.success()
    assert not breaker.refuses(0.0)


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = opened()
    breaker.allow(1.0)
    breaker.success()
    assert breaker.state == "closed" and breaker.allow(1.0)


def test_a_probe_that_fails_opens_it_for_another_interval() -> None:
    breaker = opened()
    breaker.allow(1.0)
    breaker.failure(1.2)
    assert breaker.state == "open"
    assert not breaker.allow(2.1)
    assert breaker.allow(2.2)


def test_a_probe_that_is_never_heard_of_again_is_replaced() -> None:
    breaker = opened()
    breaker.allow(1.0)
    assert breaker.allow(2.0)


def test_stragglers_do_not_put_off_the_probe() -> None:
    breaker = opened()
    breaker.failure(0.9)
    assert breaker.allow(1.0)


@given(st.lists(st.sampled_from(["allow", "success", "failure"])), st.integers(1, 5))
def test_it_is_never_stuck(steps: list[str], threshold: int) -> None:
    breaker = Breaker(threshold=threshold, probe_interval_s=1.0)
    now = 0.0
    for step in steps:
        now += 0.3
        if step == "allow":
            breaker.allow(now)
        elif step == "success":
            breaker.success()
        else:
            breaker.failure(now)
    assert breaker.allow(now + 1.0), "after an interval something is always allowed"
    breaker.success()
    assert breaker.state == "closed"
