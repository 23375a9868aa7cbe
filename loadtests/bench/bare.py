"""The limit: the shipped models in this process, one thread, without server, rules or network."""

import time
from collections.abc import Callable, Sequence

from configs.resources import open_store
from configs.settings import Settings
from loadtests.bench.phases import Measurement
from pipeline.models.distilbert import Transformer
from pipeline.models.lightgbm import TreeModels
from pipeline.models.tokenizer import WordPiece
from pipeline.normalise import normalise
from pipeline.tuning import best_budget

BATCH = 256
NAME = "bare loop"
GATE, NET, NET_ONE, ALL = (
    "normalise, trees, tokenizer",
    "tokenizer and transformer",
    "tokenizer and transformer, one by one",
    "normalise, trees, tokenizer, transformer",
)


class Bare:
    """The models, opened once."""

    def __init__(self, settings: Settings) -> None:
        store = open_store(settings)
        trees, net = store.open(settings.models.trees), store.open(settings.models.transformers[0])
        self._gate = TreeModels(trees.path, trees.manifest.calibration)
        self._words = WordPiece(net.path, net.manifest.max_tokens)
        self._transformer = Transformer(net.path, net.manifest.calibration["spam"])
        self._transformer.budget = settings.models.token_budget or best_budget(
            self._transformer.micro_batch, time.process_time
        )

    def gate(self, texts: Sequence[str]) -> None:
        self._words.encode(self._through_trees(texts))

    def net(self, texts: Sequence[str]) -> None:
        self._transformer.logits(self._words.encode(texts))

    def all(self, texts: Sequence[str]) -> None:
        self.net(self._through_trees(texts))

    def _through_trees(self, texts: Sequence[str]) -> list[str]:
        canonical = [normalise(text).text for text in texts]
        self._gate.score(canonical, [""] * len(canonical))
        return canonical


def measure(bare: Bare, texts: Sequence[str], warm: Sequence[str], number: int = 1) -> list[Measurement]:
    """Messages a second of each form of the loop."""
    forms: tuple[tuple[str, Callable[[Sequence[str]], None], int], ...] = (
        (NET, bare.net, BATCH),
        (NET_ONE, bare.net, 1),
        (GATE, bare.gate, BATCH),
        (ALL, bare.all, BATCH),
    )
    for _, work, batch in forms:
        _rate(work, warm, batch)
    return [
        Measurement(
            server=NAME,
            setting=name,
            phase="bare",
            round=number,
            speed=(speed(bare, warm) + speed(bare, warm)) / 2,
            messages=_rate(work, texts, batch),
        )
        for name, work, batch in forms
    ]


def speed(bare: Bare, texts: Sequence[str]) -> float:
    """How fast the machine is at this moment: messages a second through tokenizer and transformer."""
    return _rate(bare.net, texts, BATCH)


def _rate(work: Callable[[Sequence[str]], None], texts: Sequence[str], batch: int) -> float:
    started = time.perf_counter()
    for start in range(0, len(texts), batch):
        work(texts[start : start + batch])
    return len(texts) / (time.perf_counter() - started)
