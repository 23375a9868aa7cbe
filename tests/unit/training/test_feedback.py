from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.clients.feedback_log import LabelledText
from pipeline.types import INTENTS, NOT_OTP
from pipeline.wire import FEEDBACK_LABELS
from training.examples import Example
from training.feedback import Caps, level, settle

START = datetime(2026, 3, 1, tzinfo=UTC)
LABELS = sorted(FEEDBACK_LABELS)


def row(
    label: str, at: int = 0, text: str = "Claim it now", tenant: str = "acme", message: str = "m-1"
) -> LabelledText:
    return LabelledText(at, tenant, message, label, text, START + timedelta(minutes=at))


def answers(example: Example) -> tuple[object, ...]:
    return (example.spam, example.phishing, example.otp, example.intent)


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("spam", (True, None, None, None)),
        ("ham", (False, False, None, None)),
        ("phishing", (True, True, None, None)),
        ("otp", (None, None, True, None)),
        ("not_otp", (None, None, False, NOT_OTP)),
        (NOT_OTP, (None, None, False, NOT_OTP)),
        ("APP_LOGIN_OTP", (None, None, True, "APP_LOGIN_OTP")),
    ],
)
def test_a_label_says_so_much_and_no_more(label: str, says: tuple[object, ...]) -> None:
    (example,) = settle([row(label)])
    assert answers(example) == says
    assert (example.text, example.source) == ("Claim it now", "feedback")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (("spam", "phishing"), (True, True, None, None)),
        (("phishing", "spam"), (True, True, None, None)),
        (("phishing", "ham"), (False, False, None, None)),
        (("ham", "spam"), (True, None, None, None)),
        (("ham", "otp"), (False, False, True, None)),
        (("UPI_TXN_OR_PIN_OTP", "otp"), (None, None, True, "UPI_TXN_OR_PIN_OTP")),
        (("UPI_TXN_OR_PIN_OTP", "not_otp", "otp"), (None, None, True, None)),
        (("spam", "ham", "not_otp"), (False, False, False, NOT_OTP)),
    ],
)
def test_the_latest_of_labels_that_contradict_each_other_counts(
    labels: tuple[str, ...], says: tuple[object, ...]
) -> None:
    rows = [row(label, at) for at, label in enumerate(labels)]
    for order in permutations(rows):
        (example,) = settle(order)
        assert answers(example) == says


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=6))
def test_whatever_is_said_of_a_message_its_labels_agree(labels: list[str]) -> None:
    (example,) = settle([row(label, at) for at, label in enumerate(labels)])
    assert not (example.phishing and not example.spam)
    assert example.intent is None or (example.intent == NOT_OTP) == (example.otp is False)
    assert example.intent is None or example.intent in INTENTS


def test_the_latest_text_of_a_message_is_kept() -> None:
    (example,) = settle([row("otp", 2, "cut off"), row("spam", 1, "whole")])
    assert example.text == "cut off"


def test_texts_that_tenants_label_differently_are_dropped() -> None:
    rows = [
        row("spam", tenant="acme", text="Win a  PRIZE"),
        row("ham", tenant="other", text="win a prize"),
        row("spam", tenant="other", message="m-2", text="cheap pills"),
    ]
    assert [example.text for example in settle(rows)] == ["cheap pills"]


def test_answers_to_different_questions_are_no_conflict() -> None:
    rows = [row("spam", tenant="acme"), row("not_otp", tenant="other"), row("spam", tenant="third")]
    assert len(settle(rows)) == 3


def test_one_id_of_two_tenants_is_two_messages_in_a_fixed_order() -> None:
    rows = [row("spam", tenant="b", text="second"), row("ham", tenant="a", text="first")]
    assert [example.text for example in settle(rows)] == ["first", "second"]


def test_labels_of_another_version_teach_nothing() -> None:
    assert settle([row("SOME_LATER_INTENT")]) == []


def flood(tenant: str, count: int, sender: str = "") -> list[LabelledText]:
    return [
        LabelledText(n, tenant, f"m-{n}", "spam", f"{tenant} {sender} writes {n}", START, sender) for n in range(count)
    ]


def shares(examples: list[Example]) -> Counter[str]:
    return Counter(example.text.split()[0] for example in examples)


def test_no_tenant_teaches_more_than_its_share() -> None:
    rows = flood("flooder", 500) + flood("acme", 40) + flood("other", 30) + flood("third", 8)
    assert shares(settle(rows)) == {"flooder": 38, "acme": 38, "other": 30, "third": 8}
    assert shares(settle(rows, Caps(tenant_share=1.0)))["flooder"] == 500


def test_of_few_tenants_each_has_a_fixed_number_of_rows() -> None:
    rows = flood("flooder", 500) + flood("acme", 40)
    assert shares(settle(rows)) == {"flooder": 500, "acme": 40}
    assert shares(settle(rows, Caps(tenant_rows=100))) == {"flooder": 100, "acme": 40}


def test_one_sender_is_taught_so_often_by_all_tenants_together() -> None:
    rows = flood("acme", 30, "4f") + flood("other", 30, "4f") + flood("acme2", 25, "77") + flood("third", 25)
    settled = settle(rows, Caps(tenant_share=1.0))
    assert Counter(example.text.split()[1] for example in settled) == {"4f": 20, "77": 20, "writes": 25}


def test_a_sender_that_one_label_knows_counts_for_the_message() -> None:
    rows = [msgspec.structs.replace(row, label="otp", sender_key="4f") for row in flood("acme", 30)]
    assert len(settle(flood("acme", 30) + rows)) == 20


def test_the_choice_is_the_same_in_any_order_and_another_row_moves_few() -> None:
    rows = flood("acme", 300, "4f")
    kept = settle(rows)
    assert settle(rows[::-1]) == kept
    more = settle(rows + flood("acme", 301, "4f")[300:])
    assert len({example.text for example in kept} - {example.text for example in more}) <= 1


@given(st.lists(st.integers(1, 60), min_size=3, max_size=8), st.floats(0.0, 1.0))
def test_the_level_is_the_highest_that_keeps_the_shares(counts: list[int], share: float) -> None:
    most = level(counts, share)
    allowed = max(share, 1 / len(counts)) + 1e-6

    def largest(cut: int) -> float:
        left = [min(count, cut) for count in counts]
        return max(left) / sum(left)

    assert most >= min(counts) and largest(most) <= allowed
    assert most == max(counts) or largest(most + 1) > allowed - 1e-5
