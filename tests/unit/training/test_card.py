from training.card import card, diversity
from training.examples import Example


def test_card_counts_each_label() -> None:
    rows = [
        Example(text="a", spam=True, source="x", country="IN", kind="spam"),
        Example(text="b", spam=False, otp=True, intent="APP_LOGIN_OTP", source="y", kind="otp"),
    ]
    text = card(rows)
    assert "2 rows" in text
    assert "| spam | rows |\n|---|---|\n| no | 1 |\n| yes | 1 |" in text
    assert "| APP_LOGIN_OTP | 1 |" in text
    assert "| unknown | 1 |" in text


def test_diversity_sees_repetition() -> None:
    same = diversity([f"your code is {i} thank you" for i in range(100)])
    assert same.distinct_per_10k < 400
    assert same.nearest > 0.6
    varied = diversity(["see you soon", "call your mother", "red apples taste nice"])
    assert varied.nearest == 0
    assert varied.distinct_per_10k == 10_000
