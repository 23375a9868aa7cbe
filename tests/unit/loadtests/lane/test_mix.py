"""So many one-time passwords among messages, none twice; and what leaves the house is searched for codes."""

import pytest

from loadtests.lane.mix import Mix, with_codes


def test_the_share_of_otps_is_what_was_asked_for_and_no_text_comes_twice() -> None:
    mix = Mix(seed=7, texts=400)
    drawn = [example for _ in range(3) for example in mix.draw(200, otps=0.3)]
    assert [sum(bool(each.otp) for each in drawn[i : i + 200]) for i in (0, 200, 400)] == [60, 60, 60]
    assert len({(each.sender, each.text) for each in drawn}) == 600
    assert any(each.otp for each in drawn[:30])
    assert not all(each.otp for each in drawn[:30])


def test_one_kind_alone() -> None:
    mix = Mix(seed=8, texts=200)
    assert not any(each.otp for each in mix.draw(50, otps=0.0))
    assert mix.next(is_otp=True).otp


@pytest.mark.parametrize(
    "text", ["Your code is 482913", "4 8 2 9", "48-29-13", "your code is 482", "\uff14\uff18\uff12"]
)
def test_codes_are_found(text: str) -> None:
    assert with_codes([text, "[BANK] <sms>\nYour code is <CODE>\n</sms>"]) == 1


@pytest.mark.parametrize("text", ["<CODE> for 2FA", "3D Secure within 10 minutes", "7-Eleven: <CODE>"])
def test_words_with_digits_are_none(text: str) -> None:
    assert with_codes([text]) == 0
