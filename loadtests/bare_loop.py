"""The limit: the shipped models in one process, one thread, batches of 256, without server, rules or network.

`python loadtests/bare_loop.py` prints messages a second on the UCI test part (needs WINNOW_DATA).
"""

import time

from configs.resources import open_store
from configs.settings import Settings
from deployments.cli.labelled import from_corpus
from pipeline.models.distilbert import Transformer
from pipeline.models.lightgbm import TreeModels
from pipeline.models.tokenizer import WordPiece
from pipeline.normalise import normalise

BATCH = 256


def main() -> None:
    settings = Settings()
    store = open_store(settings)
    trees, net = store.open(settings.models.trees), store.open(settings.models.transformers[0])
    gate = TreeModels(trees.path, trees.manifest.calibration)
    words = WordPiece(net.path, net.manifest.max_tokens)
    budget = settings.models.token_budget
    transformer = Transformer(net.path, net.manifest.calibration["spam"], budget=budget)
    texts = [message.text for message in from_corpus("uci")]

    def rate(*, with_transformer: bool) -> float:
        started = time.perf_counter()
        for start in range(0, len(texts), BATCH):
            batch = [normalise(text).text for text in texts[start : start + BATCH]]
            gate.score(batch, [""] * len(batch))
            tokens = words.encode(batch)
            if with_transformer:
                transformer.logits(tokens)
        return len(texts) / (time.perf_counter() - started)

    rate(with_transformer=True)  # warm
    print(f"gate and tokenizer: {rate(with_transformer=False):.0f} messages/s")
    print(f"with the transformer on all of them: {rate(with_transformer=True):.0f} messages/s")


if __name__ == "__main__":
    main()
