"""One run: feedback to plan, plan to candidate, candidate to verdicts, and if all are good to the model store.

A run that was cut off goes on where it was: its plan, its feedback and its state are in `out/run` until it ends.
"""

import shutil
from functools import cached_property, partial
from pathlib import Path

import msgspec
from tokenizers import Tokenizer

from model_store.manifest import DataSource
from model_store.store import Store
from pipeline.errors import ModelError
from training.dataset import build
from training.gates import Verdict, all_passed, judge
from training.net import SpamNet
from training.nets import tuned_weights
from training.recipe import Recipe
from training.retrain.measure import Measured, Trial, measure
from training.retrain.plan import Plan, Read, clear, draw_up, keep, kept, number, partner
from training.retrain.publish import assemble, publish
from training.retrain.report import REPORT, Record, write
from training.retrain.settings import RetrainSettings
from training.retrain.start import check_origin, serving_net

_CHECKED = 200  #: texts by which a checkpoint is recognised


class Outcome(msgspec.Struct, frozen=True):
    plan: Plan
    verdicts: list[Verdict]
    report: Path
    published: list[str]  #: "name/version"; empty where a gate failed


class Retraining:
    """
    Args:
        settings: how.
        store: where the serving version is, and where a good candidate goes.
        serving: "distilbert/4".
        out: folder of the run, of reports and of checkpoints.
        read: gives the feedback.
        checkpoint: of the serving version; None: the one in `out`, if an earlier run left it there.
        revision: of the spam experiment, whose control serves. A run that goes on keeps the one that it began with.

    Raises:
        ModelError: the serving version is missing, tampered with or no transformer.
        ConfigError: a corpus is missing, the checkpoint is of another version, or the run in `out` cannot be read.
        Unavailable: the store or the feedback is away.
    """

    def __init__(
        self,
        settings: RetrainSettings,
        store: Store,
        serving: str,
        out: Path,
        read: Read,
        checkpoint: Path | None = None,
        revision: int | None = None,
    ) -> None:
        self._settings, self._store, self._out = settings, store, out
        self._work = out / "run"
        self._serving = store.open(serving)
        self._partner = store.open(partner(self._serving.manifest))
        own = self._weights_of(serving)
        self.checkpoint = checkpoint or (own if own.exists() else None)
        self._trial = Trial.load(settings.messages)
        if self.checkpoint:
            self._start(self.checkpoint)  # before hours are spent on other things
        earlier = kept(self._work, serving)
        self.is_resumed = earlier is not None
        self._planned = (earlier or draw_up(store, self._serving, read, self._trial.examples)).beside(revision)

    @property
    def plan(self) -> Plan:
        return self._planned.plan

    @property
    def least_news(self) -> int:
        """New messages of feedback below which a run is not worthwhile."""
        return self._settings.least_news

    @property
    def is_worthwhile(self) -> bool:
        """Whether there is enough new feedback, or a run to go on with."""
        return self.is_resumed or self.plan.news >= self.least_news

    def data(self) -> list[DataSource]:
        """What it would train, calibrate and test on; nothing is written."""
        return build(self._settings.recipe.data, extra=self._planned.feedback).sources

    def run(self) -> Outcome:
        """Do what is not done yet.

        Raises:
            ConfigError: `out` holds state that was made with other settings.
            ModelError: somebody else published under the candidate's name meanwhile.
            Unavailable: the store is away; the same again goes on where this stopped.
        """
        if not self.is_resumed:
            clear(self._work)
        keep(self._work, self._planned)
        recipe = self._recipe
        recipe.run()
        net, trees = recipe.store.open(self.plan.net), recipe.store.open(self.plan.trees)
        serving, candidate = (
            measure(*pair, self._trial.rows) for pair in ((self._serving, self._partner), (net, trees))
        )
        verdicts = judge(candidate.figures, serving.figures, self._settings.gates)
        report = self._out / "reports" / self.plan.name
        files = self._report(report, verdicts, candidate, serving, recipe.data.sources)
        published: list[str] = []
        if all_passed(verdicts):
            pairs = ((trees, self._partner, False), (net, self._serving, self.checkpoint is not None))
            for made, parent, goes_on in pairs:  # the bundle first: a transformer never names one that is not there
                folder = self._work / "push" / made.manifest.name
                assemble(made, folder, parent.manifest, candidate.figures, report, files, goes_on=goes_on)
                published.append(self._push(folder))
            self._keep_weights(recipe)
        clear(self._work)
        return Outcome(self.plan, verdicts, report / REPORT, published)

    def _push(self, folder: Path) -> str:
        try:
            return publish(self._store, folder)
        except ModelError:
            clear(self._work)  # under this name it can never be published: the next run begins anew
            raise

    @cached_property
    def _recipe(self) -> Recipe:
        goes_on = self._serving.manifest if self.checkpoint else None
        since = f"Retrained from {self.plan.serving} with feedback until {self.plan.until:%Y-%m-%d}."
        settings = self._settings.numbered(number(self.plan.net), number(self.plan.trees), since, goes_on)
        return Recipe(
            settings,
            self._work,
            extra=self._planned.feedback,
            start=partial(self._start, self.checkpoint) if self.checkpoint else None,
            patience=self._settings.patience,
        )

    def _start(self, checkpoint: Path) -> tuple[SpamNet, Tokenizer]:
        """The net to go on from, seen to be the one that serves."""
        settings = msgspec.structs.replace(self._settings.net, finetune=self._settings.finetune)
        net, tokenizer = serving_net(checkpoint, self._serving, settings, self._settings.recipe.net.heads)
        check_origin(net, tokenizer, self._serving, self._trial.rows.uci_test.texts[:_CHECKED], checkpoint)
        return net, tokenizer

    def _report(
        self, folder: Path, verdicts: list[Verdict], candidate: Measured, serving: Measured, data: list[DataSource]
    ) -> list[str]:
        record = Record(
            plan=self.plan,
            passed=all_passed(verdicts),
            verdicts=verdicts,
            gates=self._settings.gates,
            candidate=candidate.figures,
            serving=serving.figures,
            data=data,
        )
        return write(folder, record, candidate, serving, self._trial.rows.held_out_grammar)

    def _weights_of(self, ref: str) -> Path:
        return self._out / "checkpoints" / f"{ref.replace('/', '-')}.safetensors"

    def _keep_weights(self, recipe: Recipe) -> None:
        """For the next run: an exported model cannot be trained on."""
        kept_as = self._weights_of(self.plan.net)
        kept_as.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tuned_weights(recipe.work(recipe.settings.nets[0])), kept_as)
