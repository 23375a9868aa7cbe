"""Our own WordPiece: lower-cased, digits split singly, so that any code is a run of ten known pieces."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

PAD, UNK, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = [PAD, UNK, CLS, SEP, MASK]


def train_tokenizer(texts: Iterable[str], vocab_size: int, alphabet: int = 1500) -> Tokenizer:
    """WordPiece learned from canonical texts.

    `alphabet` bounds the single characters that are kept, the rarest going first: letters of many
    scripts must stay, or their words become one unknown piece.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNK, max_input_chars_per_word=64))
    # Accents stay: stripping them would also strip the vowel signs of Indic scripts and of Thai.
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False, lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size, special_tokens=SPECIAL, limit_alphabet=alphabet, min_frequency=2, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    cls_id, sep_id = tokenizer.token_to_id(CLS), tokenizer.token_to_id(SEP)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}", special_tokens=[(CLS, cls_id), (SEP, sep_id)]
    )
    return tokenizer


def save(tokenizer: Tokenizer, path: Path) -> None:
    """Write `tokenizer.json`, the one file that serving needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(path))
