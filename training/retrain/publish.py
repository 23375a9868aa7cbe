"""A candidate that passed, in the model store: with its parent, its figures and its report."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from model_store.checks import MANIFEST, read_folder
from model_store.manifest import DataSource, Manifest, encode
from model_store.store import Bundle, Store, describe_files
from pipeline.errors import ModelError
from training.judge import Figures
from training.model_card import with_card


def assemble(
    staged: Bundle,
    folder: Path,
    parent: Manifest,
    figures: Figures,
    report: Path,
    files: Sequence[str],
    *,
    goes_on: bool,
) -> Path:
    """Everything of one candidate in one folder, its manifest last. A folder that is whole already stays as it is.

    Args:
        staged: as the recipe made it.
        folder: to write.
        parent: the version that it takes the place of.
        figures: what the gates saw.
        report: folder of the report.
        files: names of the report's files.
        goes_on: whether it started from the parent's weights: then it knows what those were pretrained on.
    """
    if (folder / MANIFEST).exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in staged.manifest.files:
        shutil.copyfile(staged.path / name, folder / name)
    for name in files:
        shutil.copyfile(report / name, folder / name)
    manifest = msgspec.structs.replace(
        staged.manifest,
        parent=parent.ref,
        metrics={**staged.manifest.metrics, **_named(figures)},
        data=_data(staged.manifest, parent) if goes_on else staged.manifest.data,
        files={**staged.manifest.files, **describe_files(folder, list(files))},
    )
    (folder / MANIFEST).write_bytes(encode(with_card(folder, manifest)))
    return folder


def publish(store: Store, folder: Path) -> str:
    """Push a folder; one that an interrupted run pushed already is not pushed again.

    Raises:
        ModelError: somebody else published another version of that name meanwhile.
        Unavailable: the store is away; the same again goes on where this stopped.
    """
    manifest = read_folder(folder)
    if manifest.version in store.versions(manifest.name):
        if store.manifest(manifest.ref) != manifest:
            raise ModelError(f"somebody else published {manifest.ref} meanwhile; the next run begins anew")
        return manifest.ref
    return store.publish(folder, manifest)


def _named(figures: Figures) -> Mapping[str, dict[str, float]]:
    return {f"gates_{name}": dict(found) for name, found in figures.items()}


def _data(manifest: Manifest, parent: Manifest) -> list[DataSource]:
    own = [source for source in manifest.data if source.use != "pretrain"]
    return [*own, *(source for source in parent.data if source.use == "pretrain")]
