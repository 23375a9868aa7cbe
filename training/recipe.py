"""Every step from the corpora to published model versions: `python -m training.recipe --config ... --out ...`.

A step whose result is in the output folder is not done again, so a run that was cut off goes on where it was.
"""

import argparse
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from model_store.manifest import DataSource
from model_store.store import LocalStore
from pipeline.models.lightgbm import TreeModels
from pipeline.normalise import normalise
from pipeline.types import TreeScores
from training.calibrate import decisions, sigmoid, skipped
from training.corpora import data_source, pretraining_texts
from training.dataset import Dataset, DataSettings, build
from training.dedupe import exact_key
from training.finetune import FinetuneSettings, finetune
from training.gate import Gate, GateSettings, train_gate
from training.judge import MODERATE, Figures, Yardstick, merge, other_figures, spam_figures, yardstick
from training.manifests import gate_manifest, net_manifest
from training.metrics import Scores
from training.net import NetSize, SpamNet
from training.pretrain import PretrainSettings, pretrain
from training.tokenizer import save, train_tokenizer
from training.transformer import Calibrated, calibrate_net, combine, export_net, parity, run_exported


class NetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the transformer."""

    version: str
    layers: list[int]  #: layers of the pretrained net that it starts from
    description: str
    finetune: FinetuneSettings = FinetuneSettings()


class RecipeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nets: list[NetSettings]
    pretraining_corpora: list[str]
    data: DataSettings = DataSettings()
    gate: GateSettings = GateSettings()
    gate_version: str = "1"
    vocab_size: int = 8192
    pretraining_texts: int = 150_000
    finetuning: dict[str, int] = {}  #: source to how many of its rows fine-tuning sees; the gate sees all
    net: NetSize = NetSize()
    pretrain: PretrainSettings = PretrainSettings()
    threads: int = 2


class Trained(msgspec.Struct, frozen=True):
    """The gate and what it says of the rows that the nets are calibrated and judged on."""

    ref: str
    gate: Gate
    validation: TreeScores
    judged: dict[str, TreeScores]


class Recipe:
    """One run of all steps; state and published versions are below `out`."""

    def __init__(self, settings: RecipeSettings, out: Path) -> None:
        torch.set_num_threads(settings.threads)
        self.settings, self.out = settings, out
        self.store = LocalStore(out / "store")
        self.data: Dataset = build(settings.data)
        self.rows: Yardstick = yardstick(self.data)

    def run(self) -> None:
        trained = self.gate()
        tokenizer = self.tokenizer()
        pretrained = pretrain(
            tokenizer, self.texts(), self.settings.net, self.settings.pretrain, self.out / "pretrained"
        )
        for net in self.settings.nets:
            if net.version not in self.store.versions("distilbert"):
                self.net(net, trained, tokenizer, pretrained)

    def gate(self) -> Trained:
        """Train and publish the TF-IDF bundle, or load what an earlier run published."""
        version = self.settings.gate_version
        if version not in self.store.versions("lightgbm"):
            folder = self.out / "lightgbm"
            gate = train_gate(self.data, self.settings.gate, folder, self.settings.threads)
            judged = self.judge(TreeModels(folder, gate.calibration, threads=2))
            spam = {name: sigmoid(scores.spam) for name, scores in judged.items()}
            metrics = merge(
                spam_figures(self.rows, spam, gate.thresholds["spam"][MODERATE]),
                other_figures(self.rows, judged, gate.thresholds),
            )
            self.store.publish(folder, gate_manifest(version, folder, gate, metrics, self.sources()))
        bundle = self.store.open(f"lightgbm/{version}")
        models = TreeModels(bundle.path, bundle.manifest.calibration, threads=2)
        validation = models.score(self.data.validation.texts, self.data.validation.senders)
        gate = Gate(bundle.manifest.calibration, bundle.manifest.thresholds)
        return Trained(bundle.manifest.ref, gate, validation, self.judge(models))

    def judge(self, models: TreeModels) -> dict[str, TreeScores]:
        sets = msgspec.structs.asdict(self.rows)
        return {name: models.score(rows.texts, rows.senders) for name, rows in sets.items()}

    def tokenizer(self) -> Tokenizer:
        path = self.out / "tokenizer.json"
        if not path.exists():
            save(train_tokenizer(self.texts(), self.settings.vocab_size), path)
        return Tokenizer.from_file(str(path))

    def texts(self) -> list[str]:
        """Canonical texts for pretraining: all training rows, and unlabelled ones up to the number asked for."""
        held = {exact_key(text) for rows in (self.data.test, self.data.validation) for text in rows.texts}
        canonical = (normalise(text).text for text in pretraining_texts(self.settings.pretraining_corpora))
        extra = [text for text in dict.fromkeys(canonical) if text and exact_key(text) not in held]
        room = max(0, self.settings.pretraining_texts - len(self.data.train))
        return [*self.data.train.texts, *extra[:: max(1, len(extra) // max(1, room))][:room]]

    def net(
        self, settings: NetSettings, trained: Trained, tokenizer: Tokenizer, pretrained: dict[str, torch.Tensor]
    ) -> None:
        """Fine-tune, export, calibrate, judge and publish one version."""
        work = self.out / f"distilbert-{settings.version}"
        size = msgspec.structs.replace(self.settings.net, layers=len(settings.layers))
        chosen = self.finetuning_rows()
        rows, weights = self.data.train.take(chosen), self.data.weights[chosen]
        spam_net = finetune(
            tokenizer, rows.texts, rows.spam, weights, size, settings.layers, pretrained, settings.finetune, work
        )
        folder = work / "export"
        found = self.calibrate(spam_net, tokenizer, folder, size.max_tokens, trained)
        figures = self.figures(folder, size.max_tokens, found, trained)
        manifest = net_manifest(
            settings.version, settings.description, folder, size.max_tokens, found, figures, self.sources()
        )
        print(f"published {self.store.publish(folder, manifest)}", flush=True)

    def finetuning_rows(self) -> NDArray[np.intp]:
        """Labelled training rows, those of plentiful sources thinned out evenly."""
        rows = self.data.train
        keep = rows.spam >= 0
        for source, limit in self.settings.finetuning.items():
            places = np.flatnonzero(keep & (rows.sources == source))
            keep[places] = False
            keep[places[:: max(1, -(-len(places) // limit))]] = True
        return np.flatnonzero(keep)

    def calibrate(
        self, net: SpamNet, tokenizer: Tokenizer, folder: Path, max_tokens: int, trained: Trained
    ) -> Calibrated:
        export_net(net, tokenizer, folder)
        rows = self.data.validation
        differences = parity(net, tokenizer, folder, max_tokens, rows.texts)
        cuts = trained.gate.thresholds["spam"]
        return calibrate_net(folder, max_tokens, rows, trained.validation, cuts, trained.ref, differences)

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

    def sources(self) -> list[DataSource]:
        corpora = [data_source(name, 0, "pretrain") for name in self.settings.pretraining_corpora]
        return [*self.data.sources, *corpora]


def main() -> None:
    parser = argparse.ArgumentParser(description="Train, export, calibrate and publish all models.")
    parser.add_argument("--config", type=Path, default=Path("configs/training.yaml"))
    parser.add_argument("--out", type=Path, required=True, help="folder for state and published versions")
    arguments = parser.parse_args()
    settings = msgspec.yaml.decode(arguments.config.read_bytes(), type=RecipeSettings)
    Recipe(settings, arguments.out).run()


if __name__ == "__main__":
    main()
