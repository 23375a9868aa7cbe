from collections.abc import Sequence

import pytest

from deployments.intent_trial import EITHER, Asked, Bill, ask_all, compare
from pipeline.budget import Prices
from pipeline.errors import ConfigError, Unavailable
from training.examples import Example

PRICES = Prices(prompt=0.05, completion=0.08)
LOGIN, BANK, NONE = "APP_LOGIN_OTP", "BANK_OR_CARD_TXN_OTP", "NOT_OTP"


def examples(*intents: str) -> list[Example]:
    return [
        Example(text=f"Your code 48291{i}", sender="vm-hdfcbk", intent=intent, source="test")
        for i, intent in enumerate(intents)
    ]


def asked(*labels: str | None, prompt: int = 0, completion: int = 0, **outcomes: int) -> Asked:
    bill = Bill(prompt_tokens=prompt, completion_tokens=completion)
    bill.outcomes.update(outcomes or {"ok": len(labels)})
    return Asked(list(labels), [0.1 * (i + 1) for i in range(len(labels))], bill)


class Stage:
    """Answers with what it is told, in order, and reports to a bill."""

    def __init__(self, bill: Bill, *answers: str | None, outcome: str = "ok") -> None:
        self._bill = bill
        self._answers = list(answers)
        self._outcome = outcome
        self.heard: list[tuple[str, str]] = []

    async def classify(
        self,
        texts: list[str],
        senders: list[str],
        budgets_s: Sequence[float],
        tenants: Sequence[str] | None = None,
    ) -> list[str | None]:
        self.heard += zip(texts, senders, strict=True)
        self._bill.count_outcome(self._outcome)
        self._bill.count_usage(200, 10)
        return [self._answers.pop(0) for _ in texts]


async def put(stage: Stage, bill: Bill, messages: list[Example]) -> Asked:
    return await ask_all(stage, bill, messages, concurrency=1, patience_s=5.0, advance=lambda _: None)


async def test_messages_are_asked_as_serving_asks_them():
    bill = Bill()
    stage = Stage(bill, LOGIN, None, BANK)
    found = await put(stage, bill, examples(LOGIN, LOGIN, BANK))
    assert found.labels == [LOGIN, None, BANK]
    assert stage.heard == [("Your code <CODE>", "VM-HDFCBK")] * 3
    assert (bill.outcomes["ok"], bill.prompt_tokens, bill.completion_tokens) == (3, 600, 30)


async def test_a_refused_key_ends_it_at_the_first_message():
    bill = Bill()
    stage = Stage(bill, None, outcome="AuthenticationError")
    with pytest.raises(ConfigError, match="GROQ_API_KEY"):
        await put(stage, bill, examples(LOGIN, LOGIN))
    assert len(stage.heard) == 1


def test_each_source_is_judged_on_what_it_answered():
    found = compare(
        "set", examples(LOGIN, LOGIN, BANK, NONE), [LOGIN, BANK, BANK, NONE], asked(LOGIN, None, LOGIN, NONE), PRICES
    )
    local, groq = found.source("local"), found.source("groq")
    assert local and local.figures and groq and groq.figures
    assert (local.unanswered, local.figures.rows, local.figures.accuracy.value) == (0, 4, 0.75)
    assert (groq.unanswered, groq.figures.rows, groq.figures.accuracy.value) == (1, 3, pytest.approx(2 / 3))
    assert (local.recall[LOGIN].value, groq.recall[LOGIN].value) == (0.5, 1.0)
    assert (local.recall[BANK].value, groq.recall[BANK].value) == (1.0, 0.0)
    assert set(local.recall) == {LOGIN, BANK, NONE}


def test_groq_else_local_is_groq_where_it_answers_and_only_for_one_time_passwords():
    found = compare("set", examples(LOGIN, LOGIN, BANK), [BANK, LOGIN, NONE], asked(LOGIN, None, BANK), PRICES)
    either = found.source(EITHER)
    assert either and either.figures
    assert (either.figures.accuracy.value, either.unanswered) == (pytest.approx(2 / 3), 0)
    assert either.recall[BANK].value == 0.0  # the local models see no one-time password, so nobody is asked


def test_agreement_is_over_what_both_answered():
    found = compare(
        "set", examples(*[LOGIN] * 5), [LOGIN, LOGIN, BANK, BANK, None], asked(LOGIN, BANK, LOGIN, BANK, LOGIN), PRICES
    )
    assert found.agreement
    assert (found.agreement.rows, found.agreement.agreed.value) == (4, 0.5)
    assert (found.agreement.only_local_right, found.agreement.only_groq_right, found.agreement.p) == (1, 1, 1.0)


def test_one_source_alone():
    alone = compare("set", examples(LOGIN), [LOGIN], None, PRICES)
    assert ([each.source for each in alone.sources], alone.agreement, alone.calls) == (["local"], None, None)
    other = compare("set", examples(LOGIN), None, asked(LOGIN), PRICES)
    assert ([each.source for each in other.sources], other.agreement) == (["groq"], None)


def test_cost_and_latency():
    calls = compare(
        "set",
        examples(LOGIN, LOGIN, LOGIN),
        None,
        asked(LOGIN, LOGIN, None, prompt=2_000_000, completion=500_000, ok=2, timeout=1),
        PRICES,
    ).calls
    assert calls
    assert calls.cost_usd == pytest.approx(2 * 0.05 + 0.5 * 0.08)
    assert calls.cost_usd_per_1000 == pytest.approx(calls.cost_usd / 3 * 1000)
    assert calls.latency_ms["p50"] == pytest.approx(150)
    assert (calls.failed, calls.outcomes) == (1, {"ok": 2, "timeout": 1})


def test_an_unreadable_answer_is_an_answer():
    calls = compare("set", examples(LOGIN), None, asked(None, invalid=1), PRICES).calls
    assert calls and (calls.failed, calls.latency_ms) == (0, {})


def test_no_answer_at_all_is_an_error_that_says_why():
    with pytest.raises(Unavailable, match="none of 2 messages: timeout 2"):
        compare("set", examples(LOGIN, LOGIN), None, asked(None, None, timeout=2), PRICES)
