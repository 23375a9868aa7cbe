"""The public corpora: where they are published, under which licence, what they may be used for, and how to read them.

No text of a corpus is part of this project. They are read from the folder named by WINNOW_DATA.
"""

import csv
import gzip
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from model_store.manifest import DataSource
from pipeline.errors import ConfigError
from pipeline.types import INTENTS, NOT_OTP
from training.dedupe import drop_conflicts
from training.examples import Example

Use = Literal["train", "pretrain", "evaluate"]


class Corpus(msgspec.Struct, frozen=True):
    name: str
    files: tuple[str, ...]  #: below the data folder
    licence: str
    uses: frozenset[Use]
    published: str  #: where users get it
    parse: Callable[[str, str], Iterable[Example]]  #: (file name, whole text) to examples


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
        ConfigError: no such corpus, or a file of it is missing; says where it is published.
    """
    corpus = find(name)
    folder = root or data_root()
    return [example for file in corpus.files for example in corpus.parse(file, _read(folder / file, corpus))]


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


def _rows(text: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(text, newline=""))


def _ham(text: str, source: str, country: str, kind: str) -> Example:
    return Example(
        text=text, spam=False, phishing=False, otp=False, intent=NOT_OTP, source=source, country=country, kind=kind
    )


def _spam(text: str, source: str, country: str, kind: str, phishing: bool | None) -> Example:
    return Example(
        text=text, spam=True, phishing=phishing, otp=False, intent=NOT_OTP, source=source, country=country, kind=kind
    )


def _uci(_: str, text: str) -> Iterator[Example]:
    """Its spam mixes premium-rate adverts with prize fraud, so it says nothing of phishing."""
    for line in text.splitlines():
        label, _tab, body = line.partition("\t")
        if body.strip():
            yield _ham(body, "uci", "", "chat") if label == "ham" else _spam(body, "uci", "GB", "spam", None)


def _mishra_soni(_: str, text: str) -> Iterator[Example]:
    """Texts with conflicting labels are left out."""
    examples = []
    for row in _rows(text):
        label, body = row["LABEL"].strip().lower(), row["TEXT"]
        if label == "ham":
            examples.append(_ham(body, "mishra_soni", "", "chat"))
        elif label in ("spam", "smishing"):
            examples.append(_spam(body, "mishra_soni", "", label, phishing=label == "smishing"))
    yield from drop_conflicts([example for example in examples if example.text.strip()])


#: Service messages that stand among the promotions: codes, missed calls, consignments.
_INDIA_SERVICE = re.compile(r"\bOTP\b|missed call|\bAWB\b|has been (?:credited|debited|delivered)", re.IGNORECASE)


def _india(_: str, text: str) -> Iterator[Example]:
    """Only the operator promotions; the other side is a chat export, not SMS. Rows lost to encoding are left out."""
    for row in _rows(text):
        body = row["Msg"]
        if row["Label"] == "spam" and body.count("?") < 0.2 * len(body) and not _INDIA_SERVICE.search(body):
            yield _spam(body, "india_junioralive", "IN", "promotion", False)


def _nus(_: str, text: str) -> Iterator[Example]:
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["text"].strip():
            yield _ham(row["text"], "nus", row["country"], "chat")


def _samsung(_: str, text: str) -> Iterator[Example]:
    """Its label "spam" includes codes and service messages, so those rows stay unlabelled."""
    for row in _rows(text):
        label = row.get("Label") or "unlabelled"
        known = False if label in ("ham", "info") else None
        yield Example(text=row["Message"], spam=known, phishing=known, source="samsung", country="IN", kind=label)


def _seed(file: str, text: str) -> Iterator[Example]:
    for row in _rows(text):
        intent = row["predicted_otp_intent"]
        if intent in INTENTS and row["sms_text"].strip():
            yield Example(
                text=row["sms_text"],
                spam=False,
                phishing=False,
                otp=row["predicted_is_otp"] == "True",
                intent=intent,
                source="seed_synthetic",
                country="IN",
                kind="otp",
                group=Path(file).stem,
            )


def _thai(_: str, text: str) -> Iterator[Example]:
    """Its scams mix casinos with fraud, so they say nothing of phishing; its codes carry no intent."""
    for line in text.splitlines():
        label, _bar, body = line.partition("|")
        if not body.strip():
            continue
        match label.strip().lower():
            case "otp":
                yield Example(text=body, spam=False, phishing=False, otp=True, source="thai", country="TH", kind="otp")
            case "ok":
                yield _ham(body, "thai", "TH", "service")
            case "scam":
                yield _spam(body, "thai", "TH", "scam", None)
            case "spam":
                yield _spam(body, "thai", "TH", "promotion", False)


def _dstc8(_: str, text: str) -> Iterator[Example]:
    for line in text.splitlines():
        if line.strip():
            yield Example(text=line, source="dstc8", kind="assistant")


_TRAIN: frozenset[Use] = frozenset({"train", "pretrain", "evaluate"})
_PRETRAIN: frozenset[Use] = frozenset({"pretrain"})
_EVALUATE: frozenset[Use] = frozenset({"evaluate"})

CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            "uci",
            ("uci_sms_spam/SMSSpamCollection",),
            "CC BY 4.0",
            _TRAIN,
            "https://archive.ics.uci.edu/dataset/228/sms+spam+collection",
            _uci,
        ),
        Corpus(
            "mishra_soni",
            ("mishra_soni/Dataset_5971.csv",),
            "CC BY 4.0",
            _TRAIN,
            "https://data.mendeley.com/datasets/f45bkkt8pr/1",
            _mishra_soni,
        ),
        Corpus(
            "india_junioralive",
            ("india_junioralive/spam_ham_india.csv",),
            "MIT",
            _TRAIN,
            "https://github.com/junioralive (spam_ham_india.csv)",
            _india,
        ),
        Corpus(
            "nus",
            ("nus_sms/nus_en_55835.tsv.gz",),
            "public corpus, cite Chen & Kan 2013",
            _TRAIN,
            "https://github.com/kite1988/nus-sms-corpus",
            _nus,
        ),
        Corpus(
            "thai",
            ("thai_sms/ok.txt", "thai_sms/otp.txt", "thai_sms/scam.txt", "thai_sms/spam.txt"),
            "MIT",
            _TRAIN,
            "https://github.com/ssivakorn/Thai-SMS-spam-filter",
            _thai,
        ),
        Corpus(
            "dstc8",
            ("dstc8_sgd/utterances.txt.gz",),
            "CC BY-SA 4.0",
            _PRETRAIN,
            "https://github.com/google-research-datasets/dstc8-schema-guided-dialogue",
            _dstc8,
        ),
        Corpus(
            "samsung",
            ("samsung_india_2017/dev_sms.csv.gz", "samsung_india_2017/train_sms.csv.gz"),
            "none stated",
            _EVALUATE,
            "the Samsung SMS classification challenge of 2017",
            _samsung,
        ),
        Corpus(
            "seed_synthetic",
            (
                "seed_synthetic/synthetic_otp_intents_generated.csv",
                "seed_synthetic/synthetic_financial_app_login_full.csv",
            ),
            "none stated",
            _EVALUATE,
            "the repository of the Android SMS classifier that Winnow follows",
            _seed,
        ),
    )
}
