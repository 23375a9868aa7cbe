"""The public corpora: where they are published, under which licence, and what they may be used for.

No text of a corpus is part of this project. They are read from the folder named by WINNOW_DATA.
"""

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import msgspec

from model_store.manifest import DataSource
from pipeline.errors import ConfigError
from training import corpus_files
from training.enron import enron_named
from training.examples import Example

Use = Literal["train", "pretrain", "evaluate"]


class Corpus(msgspec.Struct, frozen=True, kw_only=True):
    """One corpus, read from `files` by `parse`, or from a place of its own by `elsewhere`."""

    name: str
    licence: str
    uses: frozenset[Use]
    published: str  #: where users get it
    files: tuple[str, ...] = ()  #: below the data folder
    parse: Callable[[str, str], Iterable[Example]] = lambda _file, _text: ()  #: (file name, whole text) to examples
    elsewhere: Callable[[], list[Example]] | None = None


def data_root() -> Path:
    """Folder of the corpora: WINNOW_DATA, else ../shared/data beside the project.

    Raises:
        ConfigError: there is no such folder.
    """
    named = os.environ.get("WINNOW_DATA")
    root = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not root.is_dir():
        what = f"WINNOW_DATA names {root}, which" if named else f"WINNOW_DATA is not set and {root}"
        raise ConfigError(f"{what} is not a folder; put the corpora there (see training/corpora.py for the sources)")
    return root


def load(name: str, root: Path | None = None) -> list[Example]:
    """Every usable row of a corpus, in the order of its files.

    Raises:
        ConfigError: no such corpus, or a file of it is missing or malformed; says where it is published.
    """
    corpus = find(name)
    if corpus.elsewhere:
        return corpus.elsewhere()
    folder = root or data_root()
    return [example for file in corpus.files for example in corpus.parse(file, _read(folder / file, corpus))]


def present(root: Path | None = None) -> list[str]:
    """Names of the corpora whose files are all in the data folder."""
    folder = root or data_root()
    return [name for name, c in CORPORA.items() if c.files and all((folder / file).is_file() for file in c.files)]


def training_examples(names: Iterable[str], root: Path | None = None) -> list[Example]:
    """Labelled rows that shipped weights may be trained on; refuses corpora that may not be used for that."""
    return [example for name in names for example in load(_allowed(name, {"train"}), root)]


def pretraining_texts(names: Iterable[str], root: Path | None = None) -> list[str]:
    """Raw texts for language-model pretraining; refuses evaluation-only corpora."""
    return [example.text for name in names for example in load(_allowed(name, {"train", "pretrain"}), root)]


def find(name: str) -> Corpus:
    """The corpus of that name.

    Raises:
        ConfigError: there is none; lists those that there are.
    """
    if name not in CORPORA:
        raise ConfigError(f"no corpus is called {name!r}; known: {', '.join(CORPORA)}")
    return CORPORA[name]


def data_source(name: str, rows: int, use: Use) -> DataSource:
    """What a manifest says of a corpus that a model was made with."""
    return DataSource(name=name, rows=rows, licence=find(name).licence, use=use)


def _allowed(name: str, uses: set[Use]) -> str:
    corpus = find(name)
    if not corpus.uses & uses:
        raise ConfigError(f"corpus {name!r} is for {', '.join(sorted(corpus.uses))} only (licence: {corpus.licence})")
    return name


def _read(path: Path, corpus: Corpus) -> str:
    if not path.is_file():
        raise ConfigError(f"corpus {corpus.name!r}: {path} is missing; it is published at {corpus.published}")
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig", errors="replace")


_TRAIN: frozenset[Use] = frozenset({"train", "pretrain", "evaluate"})
_PRETRAIN: frozenset[Use] = frozenset({"pretrain"})
_EVALUATE: frozenset[Use] = frozenset({"evaluate"})

_ALL = (
    Corpus(
        name="uci",
        files=("uci_sms_spam/SMSSpamCollection",),
        licence="CC BY 4.0",
        uses=_TRAIN,
        published="https://archive.ics.uci.edu/dataset/228/sms+spam+collection",
        parse=corpus_files.uci,
    ),
    Corpus(
        name="mishra_soni",
        files=("mishra_soni/Dataset_5971.csv",),
        licence="CC BY 4.0",
        uses=_TRAIN,
        published="https://data.mendeley.com/datasets/f45bkkt8pr/1",
        parse=corpus_files.mishra_soni,
    ),
    Corpus(
        name="india_junioralive",
        files=("india_junioralive/spam_ham_india.csv",),
        licence="MIT",
        uses=_TRAIN,
        published="https://github.com/junioralive (spam_ham_india.csv)",
        parse=corpus_files.india,
    ),
    Corpus(
        name="nus",
        files=("nus_sms/nus_en_55835.tsv.gz",),
        licence="public corpus, cite Chen & Kan 2013",
        uses=_TRAIN,
        published="https://github.com/kite1988/nus-sms-corpus",
        parse=corpus_files.nus,
    ),
    Corpus(
        name="thai",
        files=("thai_sms/ok.txt", "thai_sms/otp.txt", "thai_sms/scam.txt", "thai_sms/spam.txt"),
        licence="MIT",
        uses=_TRAIN,
        published="https://github.com/ssivakorn/Thai-SMS-spam-filter",
        parse=corpus_files.thai,
    ),
    Corpus(
        name="enron",
        licence="none stated: whoever names its path answers for its use",
        uses=_TRAIN,
        published="http://www2.aueb.gr/users/ion/data/enron-spam/",
        elsewhere=enron_named,
    ),
    Corpus(
        name="dstc8",
        files=("dstc8_sgd/utterances.txt.gz",),
        licence="CC BY-SA 4.0",
        uses=_PRETRAIN,
        published="https://github.com/google-research-datasets/dstc8-schema-guided-dialogue",
        parse=corpus_files.dstc8,
    ),
    Corpus(
        name="samsung",
        files=("samsung_india_2017/dev_sms.csv.gz", "samsung_india_2017/train_sms.csv.gz"),
        licence="none stated",
        uses=_EVALUATE,
        published="the Samsung SMS classification challenge of 2017",
        parse=corpus_files.samsung,
    ),
    Corpus(
        name="seed_synthetic",
        files=(
            "seed_synthetic/synthetic_otp_intents_generated.csv",
            "seed_synthetic/synthetic_financial_app_login_full.csv",
        ),
        licence="none stated",
        uses=_EVALUATE,
        published="the repository of the Android SMS classifier that Winnow follows",
        parse=corpus_files.seed,
    ),
)

CORPORA: dict[str, Corpus] = {corpus.name: corpus for corpus in _ALL}
