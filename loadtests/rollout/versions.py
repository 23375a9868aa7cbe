"""The model versions of a rollout: copies of the shipped ones under new names, sound and damaged."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from configs.settings import ROOT
from model_store.checks import read_folder
from model_store.store import MANIFEST, LocalStore, copy_version
from pipeline.errors import Unavailable

FIRST, TREES = "distilbert/4", "lightgbm/2"
SECOND = "distilbert/5"  #: the candidate that is rolled out
DAMAGED = "distilbert/6"  #: its file differs from its manifest before anybody names it
SPOILED = "distilbert/7"  #: its file is changed once the server has admitted it
SOURCE = "distilbert/3"  #: of their files
MUST_NOT_ANSWER = (DAMAGED, SPOILED)


def stock(root: Path, also: Sequence[str] = ()) -> None:
    """A store with what a server starts with, and other shipped versions."""
    shipped = LocalStore()
    for ref in (FIRST, TREES, *also):
        bundle = shipped.open(ref)
        copy_version(bundle.path, bundle.manifest, root / ref)


def train(folder: Path, ref: str) -> Path:
    """A folder with a candidate, as training leaves it: the shipped `SOURCE` under a name of its own."""
    bundle = LocalStore().open(SOURCE)
    name, version = ref.split("/")
    manifest = msgspec.structs.replace(bundle.manifest, name=name, version=version, parent=FIRST)
    copy_version(bundle.path, manifest, folder / ref)
    return folder / ref


async def push(folder: Path, root: Path) -> None:
    """What an engineer does: `winnow models push`.

    Raises:
        Unavailable: it failed; says how.
    """
    command = [sys.executable, "-m", "deployments.cli", "models", "push", str(folder), "--root", str(root)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    if process.returncode:
        raise Unavailable(f"winnow models push ended with status {process.returncode}: {said.decode()[-500:]}")


def publish(folder: Path, root: Path) -> None:
    """The same without a process of its own."""
    LocalStore(root).publish(folder, read_folder(folder))


def damage(root: Path, ref: str) -> None:
    """Flip one bit in the middle of the version's network; it keeps its size."""
    path = root / ref / "model.onnx"
    assert (path.parent / MANIFEST).exists()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
