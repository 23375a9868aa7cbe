import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.mail import mend, written


@pytest.mark.parametrize(
    ("tokenised", "typed"),
    [
        ("don ' t worry , it ' s ok .", "don't worry, it's ok."),
        ("call 281 - 555 - 2981 at 10 : 30 - bye", "call 281-555-2981 at 10:30-bye"),
        ("save $ 5 , 000 . 00 now ! !", "save $5,000.00 now!!"),
        ("at http : / / www . example . com / a / b . html today !", "at http://www.example.com/a/b.html today!"),
        ("www . example . co . uk . it is ( really ) good .", "www.example.co.uk. it is (really) good."),
        ("ask john . doe @ example . com .", "ask john.doe@example.com."),
    ],
)
def test_spaces_that_nobody_typed_are_taken_out(tokenised: str, typed: str) -> None:
    assert mend(tokenised) == typed


@given(st.lists(st.from_regex(r"[a-zA-Z0-9$'(-]{1,8}[.,!?:)]?", fullmatch=True).filter(lambda w: w[0] != "'")))
def test_text_as_one_types_it_stays(words: list[str]) -> None:
    text = " ".join(words)
    assert mend(text) == text


@pytest.mark.parametrize(
    "rest",
    [
        "-----Original Message-----\nFrom: Ann\nsecret",
        "- - - - - original message - - - - -\nfrom : ann\nsecret",
        "---------------------- Forwarded by Ann/HOU/ECT on 12/10/99 --------\nsecret",
        "Ann@EXAMPLE on 12/10/99 10:29:16 AM\nsecret",
        "ann @ example on 12 / 10 / 99 10 : 29 am\nsecret",
        "On Monday, Ann Lee wrote:\n> secret",
        "From: Ann\nSent: Monday\nsecret",
        "to : bob\ncc : ann\nsecret",
        "--\nsecret",
        "________\nsecret",
        "> secret",
    ],
)
def test_quotes_headers_and_signatures_are_dropped(rest: str) -> None:
    assert written(f"See you at\nfive then.\n\n{rest}\n") == "See you at five then."


def test_a_sign_off_ends_a_short_mail_but_not_a_long_one() -> None:
    assert written("Please call.\nThanks,\nBob\n555-0100") == "Please call. Thanks,"
    going_on = "\n".join(f"line {n}" for n in range(9))
    assert written(f"Thanks!\n{going_on}").endswith("line 8")


def test_headers_on_top_are_dropped_and_one_that_looks_like_a_header_stays() -> None:
    assert written("From: Ann\nTo: Bob\n\nto: all of you\ncome at five") == "come at five"
    assert written("come at five\nto: the office\nbring cake") == "come at five to: the office bring cake"


def test_names_of_attached_files_are_dropped() -> None:
    assert written("numbers attached\n<<File: may.xls>>\n - may . xls") == "numbers attached"


@given(st.text())
def test_any_body_gives_one_line(body: str) -> None:
    text = written(body)
    assert text == " ".join(text.split())
