from pathlib import Path

import pytest

from pipeline.models.tokenizer import WordPiece
from training.tokenizer import SPECIAL, save, train_tokenizer

TEXTS = ["Your code is 482913", "आपका कोड 482913 है", "รหัสของคุณ 482913", "see you soon"] * 5


def test_what_is_saved_serves(tmp_path: Path) -> None:
    trained = train_tokenizer(TEXTS, 300)
    save(trained, tmp_path / "tokenizer.json")
    served = WordPiece(tmp_path, 96).encode(TEXTS)
    assert served.ids.tolist() == [i for text in TEXTS for i in trained.encode(text).ids]


def test_special_pieces_have_the_ids_that_training_relies_on() -> None:
    trained = train_tokenizer(TEXTS, 300)
    assert [trained.token_to_id(piece) for piece in SPECIAL] == list(range(len(SPECIAL)))


@pytest.mark.parametrize("text", ["Your code", "आपका कोड है", "รหัสของคุณ"])
def test_letters_and_vowel_signs_of_every_script_survive(text: str) -> None:
    trained = train_tokenizer(TEXTS, 300)
    pieces = trained.encode(text).tokens[1:-1]
    assert "".join(piece.removeprefix("##") for piece in pieces) == text.lower().replace(" ", "")


def test_digits_stand_alone_and_case_is_ignored() -> None:
    trained = train_tokenizer(TEXTS, 300)
    assert trained.encode("482913").tokens[1:-1] == list("482913")
    assert trained.encode("YOUR").ids == trained.encode("your").ids
