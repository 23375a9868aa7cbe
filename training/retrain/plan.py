"""What one run of retraining makes of what. Kept until the run ends, so that one that was cut off goes on."""

import logging
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from model_store.manifest import Manifest
from model_store.store import Bundle, Store
from pipeline.errors import ConfigError, ModelError
from training.dedupe import without_twins
from training.examples import Example

NET, TREES = "distilbert", "lightgbm"  #: names of the two models that are made
RECORD = "retrain.json"  #: among a version's files: what the run was

log = logging.getLogger(__name__)

Read = Callable[[datetime | None], list[Example]]  #: the feedback from then on; None: all


class Plan(msgspec.Struct, frozen=True):
    serving: str  #: the transformer that the candidate is compared with, and its parent
    serving_trees: str
    net: str  #: the candidate, "distilbert/5"
    trees: str
    until: datetime  #: feedback was read then
    since: datetime | None  #: and when the serving version was made; None: that knew of none
    messages: int  #: of the feedback that is trained on
    news: int  #: messages of which something was said since then
    left_out: int  #: that resemble what the gates ask
    revision: int | None = None  #: of the spam experiment then, 0: there was none; None: nobody asked

    @property
    def name(self) -> str:
        """Of the candidate, for a folder."""
        return f"{self.until:%Y-%m-%d-%H%M}-{self.net.replace('/', '-')}"


class Run(msgspec.Struct, frozen=True):
    """A plan with its feedback."""

    plan: Plan
    feedback: list[Example]

    def beside(self, revision: int | None) -> "Run":
        """The run with the spam experiment's revision, unless it knows one: it keeps the one that it began beside."""
        if self.plan.revision is not None:
            return self
        return Run(msgspec.structs.replace(self.plan, revision=revision), self.feedback)


class _Made(msgspec.Struct, frozen=True):
    """What the next run needs of a version's RECORD."""

    plan: Plan


def draw_up(store: Store, serving: Bundle, read: Read, asked: Sequence[Example]) -> Run:
    """Plan a run.

    All feedback is trained on, and not the news alone: the TF-IDF models are made anew, and would forget the rest.

    Args:
        store: for the numbers that are free.
        serving: the transformer that serves.
        read: gives the feedback.
        asked: what the gates ask; feedback that resembles it is left out.

    Raises:
        ModelError: the serving version is no transformer with a TF-IDF bundle.
        Unavailable: the feedback or the store is away.
    """
    trees = partner(serving.manifest)
    since, until = last_read(serving), datetime.now(UTC)
    found = read(None)
    feedback = without_twins(found, asked)
    plan = Plan(
        serving=serving.manifest.ref,
        serving_trees=trees,
        net=next_free(store, NET),
        trees=next_free(store, TREES),
        until=until,
        since=since,
        messages=len(feedback),
        news=len(without_twins(read(since), asked)) if since else len(feedback),
        left_out=len(found) - len(feedback),
    )
    return Run(plan, feedback)


def partner(manifest: Manifest) -> str:
    """The TF-IDF bundle of a transformer.

    Raises:
        ModelError: it has none, or is no transformer.
    """
    if manifest.kind != NET or manifest.ensemble is None:
        raise ModelError(f"{manifest.ref} is no transformer that was calibrated with a TF-IDF bundle")
    return manifest.ensemble.partner


def last_read(serving: Bundle) -> datetime | None:
    """When the feedback was read that a version was made of.

    A run that failed leaves no version: what it had read counts as new the next time, too.
    """
    if RECORD not in serving.manifest.files:
        return None
    try:
        return msgspec.json.decode((serving.path / RECORD).read_bytes(), type=_Made).plan.until
    except msgspec.DecodeError as error:
        raise ModelError(f"{RECORD} of {serving.manifest.ref} cannot be read: {error}") from None


def next_free(store: Store, name: str) -> str:
    """ "name/version" with the number after the highest; versions that are not called by a number do not count."""
    taken = [int(version) for version in store.versions(name) if version.isascii() and version.isdecimal()]
    return f"{name}/{max(taken, default=0) + 1}"


def number(ref: str) -> str:
    """The version in "name/version"."""
    return ref.partition("/")[2]


def kept(folder: Path, serving: str) -> Run | None:
    """The run that was cut off, if one was and `serving` still serves: a candidate is compared with what serves.

    Raises:
        ConfigError: its plan cannot be read.
    """
    try:
        run = msgspec.json.decode((folder / _PLAN).read_bytes(), type=Run)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{folder / _PLAN} cannot be read: {error}; remove {folder} to begin anew") from None
    if run.plan.serving != serving:
        log.warning(
            "the run in %s was for %s, and %s serves: a new one takes its place", folder, run.plan.serving, serving
        )
        return None
    return run


def clear(folder: Path) -> None:
    """Forget a run, and the texts of customers that it holds."""
    if folder.exists():
        shutil.rmtree(folder)


def keep(folder: Path, run: Run) -> None:
    """Keep a run; the file holds texts of customers, and goes with the folder when the run ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = folder / f"{_PLAN}.partial"
    with open(partial, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(msgspec.json.encode(run))
    partial.replace(folder / _PLAN)


_PLAN = "plan.json"
