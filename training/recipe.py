"""Every step from the corpora to published model versions: `python -m training.recipe --config ... --out ...`.

A step whose result is in the output folder is not done again, so a run that was cut off goes on where it was.
"""

import argparse
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np
import torch
from tokenizers import Tokenizer

from model_store.manifest import DataSource
from model_store.store import LocalStore
from pipeline.models.lightgbm import TreeModels
from pipeline.normalise import normalise
from pipeline.types import TreeScores
from training.calibrate import decisions, sigmoid, skipped
from training.checkpoint import same_inputs
from training.corpora import data_source, load, pretraining_texts
from training.dataset import Dataset, build
from training.dedupe import exact_key
from training.examples import Example
from training.gate import Gate, train_gate
from training.judge import MODERATE, Figures, Yardstick, merge, other_figures, spam_figures, yardstick
from training.manifests import gate_manifest, net_manifest
from training.metrics import Scores
from training.model_card import with_card
from training.neardup import twins
from training.net import TOKENIZER
from training.nets import Pretrained, Start, first_net, load_pretrained, tuned_from
from training.pretrain import pretrain
from training.settings import SCRATCH, NetSettings, RecipeSettings, read_settings
from training.tokenizer import save, train_tokenizer
from training.transformer import Calibrated, calibrate_net, combine, export_net, parity, run_exported
from training.vocabulary import public_texts

#: Corpora that figures are cross-validated on: no net may have read them unlabelled either.
JUDGED = ("uci", "mishra_soni")


class Trained(msgspec.Struct, frozen=True):
    """The gate and what it says of the rows that the nets are calibrated and judged on."""

    ref: str
    gate: Gate
    validation: TreeScores
    judged: dict[str, TreeScores]


class Recipe:
    """One run of all steps; state and published versions are below `out`.

    Args:
        settings: what is made of what.
        out: the folder.
        extra: labelled messages beside the corpora of the settings.
        start: the net that is fine-tuned; else the one that the settings name.
        patience: see `training.nets.tuned_from`.
    """

    def __init__(
        self,
        settings: RecipeSettings,
        out: Path,
        *,
        extra: Sequence[Example] = (),
        start: Start | None = None,
        patience: int = 0,
    ) -> None:
        torch.set_num_threads(settings.threads)
        self.settings, self.out = settings, out
        self.start, self.patience = start, patience
        self.store = LocalStore(out / "store")
        self.data: Dataset = build(settings.data, extra=extra)
        self.rows: Yardstick = yardstick(self.data)

    def run(self) -> None:
        trained = self.gate()
        for net in self.settings.nets:
            if net.version not in self.store.versions("distilbert"):
                self.publish(net, trained)

    def gate(self) -> Trained:
        """Train and publish the TF-IDF bundle, or load what an earlier run published."""
        version, train = self.settings.gate_version, self.data.train
        same_inputs(self.out / "lightgbm", self.settings.gate, train.texts)
        if version not in self.store.versions("lightgbm"):
            folder = self.out / "lightgbm"
            gate = train_gate(self.data, self.settings.gate, folder, self.settings.threads)
            judged = self.judge(TreeModels(folder, gate.calibration))
            spam = {name: sigmoid(scores.spam) for name, scores in judged.items()}
            metrics = merge(
                spam_figures(self.rows, spam, gate.thresholds["spam"][MODERATE]),
                other_figures(self.rows, judged, gate.thresholds),
            )
            metrics["parity"] = gate.parity
            self.store.publish(folder, with_card(folder, gate_manifest(version, folder, gate, metrics, self.sources())))
        bundle = self.store.open(f"lightgbm/{version}")
        models = TreeModels(bundle.path, bundle.manifest.calibration)
        validation = models.score(self.data.validation.texts, self.data.validation.senders)
        gate = Gate(bundle.manifest.calibration, bundle.manifest.thresholds, bundle.manifest.metrics["parity"])
        return Trained(bundle.manifest.ref, gate, validation, self.judge(models))

    def judge(self, models: TreeModels) -> dict[str, TreeScores]:
        sets = msgspec.structs.asdict(self.rows)
        return {name: models.score(rows.texts, rows.senders) for name, rows in sets.items()}

    @cached_property
    def pretrained(self) -> Pretrained:
        """The masked-language model that nets from scratch start from, with its tokenizer."""
        settings, texts = self.settings, self.texts()
        same_inputs(self.out / "pretrained", (settings.net, settings.vocab_size, settings.pretrain), texts)
        path = self.out / TOKENIZER
        if not path.exists():
            save(train_tokenizer(texts, settings.vocab_size), path)
        tokenizer = Tokenizer.from_file(str(path))
        pretrain(tokenizer, texts, settings.net, settings.pretrain, self.out / "pretrained")
        return load_pretrained(self.out, settings.net)

    def texts(self) -> list[str]:
        """Canonical texts for pretraining, and for the WordPiece vocabulary: training rows but for those of feedback,
        and unlabelled ones up to the number asked for.

        Nothing of the corpora that nets are judged on by cross-validation, nor what resembles it: UCI's legitimate
        messages were drawn from the NUS corpus.
        """
        rows = self.data.train
        taught = rows.take(~np.isin(rows.sources, JUDGED))
        own = public_texts(taught.texts, taught.sources)
        canonical = (normalise(text).text for text in pretraining_texts(self.settings.pretraining_corpora))
        candidates = [text for text in dict.fromkeys([*own, *canonical]) if text]
        judged = [example.text for name in JUDGED for example in load(name)]
        validation = {exact_key(text) for text in self.data.validation.texts}
        seen = zip(candidates, twins(candidates, judged), strict=True)
        clean = [text for text, twin in seen if not twin and exact_key(text) not in validation]
        mine = set(own)
        extra = [text for text in clean if text not in mine]
        room = min(len(extra), max(0, self.settings.pretraining_texts - len(own)))
        evenly = np.linspace(0, len(extra) - 1, room).astype(int).tolist()
        return [*(text for text in clean if text in mine), *(extra[i] for i in evenly)]

    def publish(self, settings: NetSettings, trained: Trained) -> None:
        """Fine-tune, export, calibrate, judge and publish one version."""
        work = self.work(settings)
        start = self.start or (lambda: first_net(settings, lambda: self.pretrained))
        net, tokenizer = tuned_from(start, settings, self.settings, self.data, work, self.patience)
        folder = work / "export"
        export_net(net, tokenizer, folder)
        rows = self.data.validation
        found = calibrate_net(
            run_exported(folder, settings.max_tokens, rows.texts),
            rows,
            self.data.validation_weights,
            trained.validation,
            trained.gate.thresholds["spam"],
            trained.ref,
            parity(net, tokenizer, folder, settings.max_tokens, rows),
        )
        figures = self.figures(folder, settings.max_tokens, found, trained)
        manifest = net_manifest(
            settings.version,
            settings.description,
            folder,
            settings.max_tokens,
            found,
            figures,
            self.sources(settings.base),
        )
        print(f"published {self.store.publish(folder, with_card(folder, manifest))}", flush=True)

    def work(self, settings: NetSettings) -> Path:
        """Folder of a net's state."""
        return self.out / f"distilbert-{settings.version}"

    def figures(self, folder: Path, max_tokens: int, found: Calibrated, trained: Trained) -> Figures:
        """Of the ensemble, of the transformer alone on UCI, and of the cascade."""
        alone = {
            name: run_exported(folder, max_tokens, rows.texts, found.platt)
            for name, rows in msgspec.structs.asdict(self.rows).items()
        }
        final = {n: combine(found.ensemble, logits, trained.judged[n].spam) for n, logits in alone.items()}
        figures = spam_figures(self.rows, {n: sigmoid(x) for n, x in final.items()}, found.thresholds[MODERATE])
        only = spam_figures(self.rows, {n: sigmoid(x) for n, x in alone.items()}, found.thresholds[MODERATE])
        return {
            **figures,
            "uci_test_transformer_alone": only["uci_test"],
            **{f"cascade_{n}": self.cascade(found, trained, n, logits) for n, logits in final.items()},
            "parity": found.parity,
        }

    def cascade(self, found: Calibrated, trained: Trained, name: str, final: Scores) -> dict[str, float]:
        scores = trained.judged[name]
        skips = skipped(found.cascade, scores.spam, scores.known)
        gate_says = decisions(scores.spam, list(trained.gate.thresholds["spam"].values()))
        changed = skips & (gate_says != decisions(final, list(found.thresholds.values())))
        return {"skipped": round(float(skips.mean()), 5), "changed": round(float(changed.mean()), 5)}

    def sources(self, base: str | None = None) -> list[DataSource]:
        """All data behind a version; of a net, what its body was pretrained on, too."""
        if base is None:
            return self.data.sources
        if base != SCRATCH:
            return [*self.data.sources, DataSource(name=base, rows=0, licence="see its model card", use="pretrain")]
        corpora = [data_source(name, 0, "pretrain") for name in self.settings.pretraining_corpora]
        return [*self.data.sources, *corpora]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train, export, calibrate and publish all models.")
    parser.add_argument("--config", type=Path, default=Path("configs/training.yaml"))
    parser.add_argument("--out", type=Path, required=True, help="folder for state and published versions")
    parser.add_argument(
        "--base", default=SCRATCH, help="a DistilBERT of the model hub or a local folder; else our own, from scratch"
    )
    arguments = parser.parse_args()
    Recipe(read_settings(arguments.config, arguments.base), arguments.out).run()


if __name__ == "__main__":
    main()
