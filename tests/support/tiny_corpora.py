"""A folder of corpora in the very formats of the public ones, a few hundred messages of our own grammar."""

import csv
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path

from training.examples import Example
from training.synthetic import generate


def write(root: Path) -> Path:
    """Write every corpus that training and judging read; returns the folder."""
    messages = generate(1_800, seed=99)
    ham = [m for m in messages if m.spam is False and not m.otp]
    bad = [m for m in messages if m.spam]
    otps = [m for m in messages if m.otp]
    _lines(root / "uci_sms_spam/SMSSpamCollection", [*_labelled(ham[:300], "ham"), *_labelled(bad[:120], "spam")])
    _table(
        root / "mishra_soni/Dataset_5971.csv",
        ("LABEL", "TEXT"),
        [*(("ham", m.text) for m in ham[300:340]), *(("Smishing", m.text) for m in bad[120:180])],
    )
    _table(root / "india_junioralive/spam_ham_india.csv", ("Msg", "Label"), [(m.text, "spam") for m in bad[180:210]])
    for name, chosen in (("ok", ham[340:370]), ("otp", otps[:30]), ("scam", bad[210:230]), ("spam", bad[230:250])):
        _lines(root / f"thai_sms/{name}.txt", [f"{name}|{_flat(m)}" for m in chosen])
    nus = ["id\ttext\tcountry", *(f"{i}\t{_flat(m)}\tSG" for i, m in enumerate([*ham[:20], *ham[370:600]]))]
    _zipped(root / "nus_sms/nus_en_55835.tsv.gz", "\n".join(nus))
    _zipped(root / "dstc8_sgd/utterances.txt.gz", "\n".join(_flat(m) for m in messages[:200]))
    for file in ("dev", "train"):
        text = "Label,Message\n" + "".join(f'info,"Your bill no. {i}{file} is ready."\n' for i in range(20))
        _zipped(root / f"samsung_india_2017/{file}_sms.csv.gz", text)
    for file in ("synthetic_otp_intents_generated", "synthetic_financial_app_login_full"):
        _table(
            root / f"seed_synthetic/{file}.csv",
            ("sms_text", "predicted_is_otp", "predicted_otp_intent"),
            [(m.text, "True", m.intent or "") for m in otps[30:60]],
        )
    return root


def _flat(message: Example) -> str:
    return " ".join(message.text.replace("|", " ").split())


def _labelled(messages: Iterable[Example], label: str) -> list[str]:
    return [f"{label}\t{_flat(message)}" for message in messages]


def _lines(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def _zipped(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))
