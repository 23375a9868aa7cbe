"""The memo: batches, two cache levels, single flight, bounds, deadlines, cancellation."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar

import msgspec
import pytest

from pipeline.clients.store import MemoryStore
from pipeline.errors import DeadlineExceeded, Overloaded, Unavailable
from pipeline.memo import Limits, Memo
from pipeline.observe import Observer

CALLER: ContextVar[str | None] = ContextVar("caller", default=None)


class Model:
    """Answers with the question in capitals; can be held back to let a backlog grow."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False
        self.cancelled = False
        self.caller: str | None = None

    async def __call__(self, questions: list[str]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        self.batches.append(questions)
        self.caller = CALLER.get()
        await self.open.wait()
        if self.cancelled:
            raise asyncio.CancelledError  # as Ray does to calls of a request whose caller hung up
        if self.broken:
            raise RuntimeError("text that must not travel")
        answers = [ValueError("bad item") if q == "bad" else q.upper() for q in questions]
        yield list(enumerate(answers))


class Log(Observer):
    def __init__(self) -> None:
        self.dropped_why: list[str] = []

    def dropped(self, lane: str, why: str) -> None:
        self.dropped_why.append(why)


def make(
    model: Model,
    *,
    shelf: MemoryStore | None = None,
    observer: Observer | None = None,
    clock: Callable[[], float] = time.monotonic,
    **limits: int,
):
    return Memo(
        "test",
        model,
        shelf=shelf,
        encode=msgspec.msgpack.encode,
        decode=msgspec.msgpack.Decoder(str).decode,
        keep=lambda answer: answer != "DEGRADED",
        limits=Limits(**limits),
        observer=observer or Observer(),
        clock=clock,
    )


async def ask(memo: Memo[str, str], question: str, *, budget_s: float = 5.0, cost: int = 1):
    return await memo.get(question.encode(), question, cost=cost, deadline=time.monotonic() + budget_s)


async def test_first_answer_is_computed_the_second_remembered():
    model = Model()
    memo = make(model)
    assert await ask(memo, "a") == ("A", "miss")
    assert await ask(memo, "a") == ("A", "memory")
    assert model.batches == [["a"]]


async def test_a_thousand_equal_questions_at_once_are_computed_once():
    model = Model()
    memo = make(model)
    answers = await asyncio.gather(*(ask(memo, "same") for _ in range(1000)))
    assert model.batches == [["same"]]
    assert {source for _, source in answers} == {"miss", "coalesced"}
    assert [source for _, source in answers].count("miss") == 1
    assert {answer for answer, _ in answers} == {"SAME"}


async def test_questions_of_one_turn_share_a_batch_and_a_backlog_is_taken_whole():
    model = Model()
    memo = make(model, slots=1)
    model.open.clear()
    first = [asyncio.create_task(ask(memo, q)) for q in "abc"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second = [asyncio.create_task(ask(memo, q)) for q in "defgh"]
    await asyncio.sleep(0)
    model.open.set()
    await asyncio.gather(*first, *second)
    assert model.batches == [list("abc"), list("defgh")]


@pytest.mark.parametrize(("limits", "sizes"), [({"batch_items": 4}, [4, 4, 2]), ({"batch_cost": 3}, [3, 3, 3, 1])])
async def test_batches_keep_their_bounds(limits, sizes):
    model = Model()
    memo = make(model, slots=1, **limits)
    answers = await asyncio.gather(*(ask(memo, q) for q in "abcdefghij"))
    assert [len(batch) for batch in model.batches] == sizes
    assert [answer for answer, _ in answers] == list("ABCDEFGHIJ")


async def test_an_item_beyond_the_cost_of_a_batch_goes_alone():
    model = Model()
    memo = make(model, slots=1, batch_cost=3)
    await asyncio.gather(ask(memo, "big", cost=100), ask(memo, "a"))
    assert model.batches == [["big"], ["a"]]


async def test_no_more_batches_in_flight_than_slots():
    model = Model()
    memo = make(model, slots=2, batch_items=1)
    model.open.clear()
    tasks = [asyncio.create_task(ask(memo, q)) for q in "abcdef"]
    await asyncio.sleep(0.02)
    assert len(model.batches) == 2
    model.open.set()
    await asyncio.gather(*tasks)
    assert len(model.batches) == 6


async def test_a_full_queue_refuses_at_once():
    model, log = Model(), Log()
    memo = make(model, observer=log, slots=1, batch_items=1, queue_items=2)
    model.open.clear()
    tasks = [asyncio.create_task(ask(memo, "a"))]
    await asyncio.sleep(0.01)  # in flight, no longer queued
    tasks += [asyncio.create_task(ask(memo, q)) for q in "bc"]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await ask(memo, "d")
    assert caught.value.retry_after_s
    assert log.dropped_why == ["refused"]
    model.open.set()
    assert [answer for answer, _ in await asyncio.gather(*tasks)] == ["A", "B", "C"]


async def test_an_expired_question_is_never_computed():
    model, log = Model(), Log()
    memo = make(model, observer=log, slots=1)
    model.open.clear()
    first = asyncio.create_task(ask(memo, "a"))
    await asyncio.sleep(0.01)
    with pytest.raises(DeadlineExceeded):
        await ask(memo, "late", budget_s=0.02)
    model.open.set()
    await first
    await ask(memo, "b")
    assert model.batches == [["a"], ["b"]]
    assert log.dropped_why == ["abandoned"]


async def test_an_abandoned_question_is_dropped_and_harms_nobody():
    model = Model()
    memo = make(model, slots=1)
    model.open.clear()
    first = asyncio.create_task(ask(memo, "a"))
    await asyncio.sleep(0.01)
    gone, stays = asyncio.create_task(ask(memo, "b")), asyncio.create_task(ask(memo, "c"))
    await asyncio.sleep(0)
    gone.cancel()
    model.open.set()
    assert (await stays)[0] == "C"
    assert (await first)[0] == "A"
    assert model.batches == [["a"], ["c"]]


async def test_one_of_two_who_wait_may_leave():
    model = Model()
    memo = make(model)
    model.open.clear()
    leaves, stays = (asyncio.create_task(ask(memo, "a")) for _ in range(2))
    await asyncio.sleep(0.01)
    leaves.cancel()
    await asyncio.sleep(0)
    model.open.set()
    assert (await stays)[0] == "A"


async def test_a_bad_item_fails_alone():
    memo = make(Model())
    good, bad = await asyncio.gather(ask(memo, "good"), ask(memo, "bad"), return_exceptions=True)
    assert good == ("GOOD", "miss")
    assert isinstance(bad, ValueError)


async def test_a_failed_batch_is_unavailable_and_the_next_one_works():
    model = Model()
    memo = make(model)
    model.broken = True
    with pytest.raises(Unavailable) as caught:
        await ask(memo, "a")
    assert "must not travel" not in str(caught.value)
    model.broken = False
    assert await ask(memo, "a") == ("A", "miss")


async def test_a_batch_that_somebody_cancels_fails_and_leaves_nothing_behind():
    model = Model()
    memo = make(model, slots=1)
    model.cancelled = True
    answers = await asyncio.gather(ask(memo, "a"), ask(memo, "b"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    model.cancelled = False
    assert await ask(memo, "a") == ("A", "miss")
    assert await ask(memo, "c") == ("C", "miss")


async def test_a_batch_knows_nothing_of_the_caller_that_started_it():
    model = Model()
    CALLER.set("first")
    await ask(make(model), "a")
    assert model.batches == [["a"]]
    assert model.caller is None


async def test_the_shelf_is_shared_and_filled():
    shelf, model = MemoryStore(), Model()
    assert await ask(make(model, shelf=shelf), "a") == ("A", "miss")
    await asyncio.sleep(0)
    other = make(model, shelf=shelf)
    assert await ask(other, "a") == ("A", "redis")
    assert await ask(other, "a") == ("A", "memory")
    assert model.batches == [["a"]]


async def test_degraded_answers_are_not_kept():
    shelf, model = MemoryStore(), Model()
    memo = make(model, shelf=shelf)
    assert await ask(memo, "degraded") == ("DEGRADED", "miss")
    assert await ask(memo, "degraded") == ("DEGRADED", "miss")
    assert await shelf.get_many([b"degraded"]) == [None]


@pytest.mark.parametrize("fault", ["down", "hang"])
async def test_a_dead_shelf_only_costs_time(fault):
    shelf = MemoryStore(timeout_s=0.01)
    shelf.fault = fault
    assert await ask(make(Model(), shelf=shelf), "a") == ("A", "miss")


@pytest.mark.parametrize("foreign", [b"\xff not ours", b"\xa1\xff", b""])
async def test_what_another_version_wrote_is_as_good_as_absent(foreign):
    shelf = MemoryStore()
    await shelf.set_many({b"a": foreign}, 60)
    assert await ask(make(Model(), shelf=shelf), "a") == ("A", "miss")


async def test_memory_is_bounded():
    memo = make(Model(), memory_items=2)
    for question in ("a", "b", "c"):
        await ask(memo, question)
    assert (await ask(memo, "c"))[1] == "memory"
    assert (await ask(memo, "a"))[1] == "miss"


async def test_memory_expires():
    now = 0.0
    memo = make(Model(), clock=lambda: now, memory_ttl_s=60)
    assert await memo.get(b"a", "a", cost=1, deadline=5.0) == ("A", "miss")
    now = 59.0
    assert await memo.get(b"a", "a", cost=1, deadline=64.0) == ("A", "memory")
    now = 61.0
    assert await memo.get(b"a", "a", cost=1, deadline=66.0) == ("A", "miss")


async def test_who_is_answered_early_need_not_wait_for_the_rest_of_the_batch():
    rest = asyncio.Event()

    async def compute(questions: list[str]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        yield [(1, "early")]
        await rest.wait()
        yield [(0, "late")]

    memo = make(compute)
    late = asyncio.create_task(ask(memo, "a"))
    await asyncio.sleep(0)
    assert await ask(memo, "b") == ("early", "miss")
    assert not late.done()
    rest.set()
    assert await late == ("late", "miss")


async def test_a_question_that_the_batch_forgot_is_unavailable():
    async def compute(questions: list[str]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        yield [(0, "first")]

    memo = make(compute)
    first, second = await asyncio.gather(ask(memo, "a"), ask(memo, "b"), return_exceptions=True)
    assert first == ("first", "miss")
    assert isinstance(second, Unavailable)


async def test_single_questions_overtake_bulk():
    model = Model()
    memo = make(model, slots=1, batch_items=4)
    model.open.clear()
    first = asyncio.create_task(ask(memo, "first"))
    await asyncio.sleep(0.01)
    bulk = [memo.ask(q.encode(), q, cost=1, deadline=time.monotonic() + 5, bulk=True) for q in "abcdefgh"]
    single = asyncio.create_task(ask(memo, "single"))
    await asyncio.sleep(0)
    model.open.set()
    await asyncio.gather(first, single, *bulk)
    assert "single" in model.batches[1]


async def test_nothing_is_remembered_where_nothing_may_be():
    shelf, model = MemoryStore(), Model()
    memo = make(model, shelf=shelf, memory_items=0, ttl_s=0)
    assert [await ask(memo, "a") for _ in range(2)] == [("A", "miss")] * 2
    assert await shelf.get_many([b"a"]) == [None]


async def test_a_kind_whose_batches_hang_holds_up_no_other():
    release = asyncio.Event()
    batches: list[list[str]] = []

    async def answer(questions: list[str]) -> AsyncIterator[list[tuple[int, str | Exception]]]:
        batches.append(questions)
        if questions[0].startswith("new"):
            await release.wait()
        yield list(enumerate(questions))

    memo: Memo[str, str] = Memo(
        "test", answer, shelf=None, encode=str.encode, decode=bytes.decode, keep=lambda _: True,
        limits=Limits(slots=1, queue_items=1), observer=Observer(), kind=lambda question: question.split()[0],
    )  # fmt: skip
    first = asyncio.create_task(ask(memo, "new 1"))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(ask(memo, "new 2"))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await ask(memo, "new 3")
    assert await ask(memo, "old 1") == ("old 1", "miss")
    release.set()
    assert await asyncio.gather(first, second) == [("new 1", "miss"), ("new 2", "miss")]
    assert batches == [["new 1"], ["old 1"], ["new 2"]]
