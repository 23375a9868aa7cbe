import pytest

from training.diversity import diversity, template


def test_repetition_is_seen() -> None:
    same = diversity([f"your code is {i} thank you" for i in range(100)])
    assert same.distinct_per_10k == 100
    assert same.nearest > 0.6
    assert same.near_share == 1
    varied = diversity(["see you soon", "call your mother", "red apples taste nice"])
    assert varied.nearest == varied.near_share == 0
    assert varied.distinct_per_10k == 10_000


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Pay $1,234.50 by 12/05", "pay  $9 by 1-6-26"),
        ("go to https://a.example.com/x1?y=2 now", "go to bit.ly/Ab9 now"),
        ("Free prize", "Fr\u200bee prize"),
    ],
)
def test_refilled_messages_share_a_template(one: str, other: str) -> None:
    assert template(one) == template(other)


def test_other_wording_is_another_template() -> None:
    assert template("pay 5 now") != template("pay 5 later")


def test_nothing_is_neither_varied_nor_repeated() -> None:
    assert diversity([]).distinct_per_10k == 0
