"""Where model versions live. A version is an immutable folder `name/version/`; its manifest vouches for every file."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

import msgspec

from model_store.checks import (
    MANIFEST,
    already_published,
    check_files,
    check_usable,
    describe_files,
    is_name,
    no_version,
    parse_ref,
    read_manifest,
    sort_versions,
)
from model_store.manifest import Manifest, encode
from pipeline.errors import ModelError

__all__ = [
    "MANIFEST",
    "SHIPPED",
    "Bundle",
    "LocalStore",
    "Store",
    "check_files",
    "check_unneeded",
    "copy_version",
    "describe_files",
    "parse_ref",
    "read_manifest",
    "refs",
]

#: The models that ship with the project.
SHIPPED = Path(__file__).parent / "models"


class Bundle(msgspec.Struct, frozen=True):
    """A verified version on the local disk."""

    path: Path
    manifest: Manifest


class Store(Protocol):
    """A place that holds model versions. Where it is away, any method may raise `Unavailable`."""

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        ...

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first by number; empty when there is no such model."""
        ...

    def open(self, ref: str) -> Bundle:
        """The version "name/version", verified, on the local disk.

        Raises:
            ModelError: it is missing, incomplete, tampered with, too old, or made for other features.
        """
        ...

    def manifest(self, ref: str) -> Manifest:
        """What a version says of itself; its files are not looked at.

        Raises:
            ModelError: it is missing, malformed or of another version.
        """
        ...

    def verify(self, ref: str) -> None:
        """Compare every file, where the store keeps it, with the manifest.

        Raises:
            ModelError: as `open`.
        """
        ...

    def publish(self, folder: Path, manifest: Manifest) -> str:
        """Add a version from the files of `folder` and say its "name/version".

        Raises:
            ModelError: the version exists, or the folder is not what the manifest says.
        """
        ...

    def delete(self, ref: str, *, force: bool = False) -> None:
        """Remove a version, its manifest first.

        Args:
            ref: "name/version".
            force: also where another version names it as its parent or partner.

        Raises:
            ModelError: there is none, or another version names it.
        """
        ...


class LocalStore:
    """Versions below a local folder.

    Args:
        root: the folder; it need not exist.
        min_created: ISO date; older versions are refused. Empty: no bound.
    """

    def __init__(self, root: Path = SHIPPED, *, min_created: str = "") -> None:
        self._root = root
        self._min_created = min_created

    def names(self) -> list[str]:
        return sorted(folder.name for folder in _folders(self._root) if self.versions(folder.name))

    def versions(self, name: str) -> list[str]:
        if not is_name(name):
            return []
        return sort_versions(f.name for f in _folders(self._root / name) if (f / MANIFEST).is_file())

    def folder(self, ref: str) -> Path:
        """Where a version is, or would be."""
        return self._root.joinpath(*parse_ref(ref))

    def open(self, ref: str) -> Bundle:
        folder, manifest = self.folder(ref), self.manifest(ref)
        check_usable(manifest, self._min_created)
        check_files(folder, manifest)
        return Bundle(folder, manifest)

    def manifest(self, ref: str) -> Manifest:
        return read_manifest(self.folder(ref), ref)

    def verify(self, ref: str) -> None:
        self.open(ref)

    def publish(self, folder: Path, manifest: Manifest) -> str:
        target = self.folder(manifest.ref)
        check_files(folder, manifest)
        try:
            copy_version(folder, manifest, target)
        except FileExistsError:
            raise already_published(manifest.ref) from None
        return manifest.ref

    def delete(self, ref: str, *, force: bool = False) -> None:
        folder = self.folder(ref)
        if not folder.is_dir():
            raise no_version(ref)
        if not force:
            check_unneeded(self, ref)
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder)


def _folders(root: Path) -> list[Path]:
    return [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []


def check_unneeded(store: Store, ref: str) -> None:
    """Refuse to lose what another version was made from or is calibrated with."""
    for other in refs(store):
        if other != ref and ref in _needs(store, other):
            raise ModelError(f"{other} names {ref} as its parent or partner")


def refs(store: Store) -> list[str]:
    """ "name/version" of all versions."""
    return [f"{name}/{version}" for name in store.names() for version in store.versions(name)]


def _needs(store: Store, ref: str) -> tuple[str | None, ...]:
    """Versions that this one names; none when it cannot be read."""
    try:
        manifest = store.manifest(ref)
    except ModelError:
        return ()
    return manifest.parent, manifest.ensemble.partner if manifest.ensemble else None


def copy_version(folder: Path, manifest: Manifest, target: Path) -> None:
    """Copy files and manifest of a version to the folder `target`, whole or not at all.

    Raises:
        FileExistsError: `target` holds something.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".incoming-", dir=target.parent))
    try:
        for file in manifest.files:
            shutil.copyfile(folder / file, staged / file)
        (staged / MANIFEST).write_bytes(encode(manifest))
        staged.chmod(0o755)
        _rename_once(staged, target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _rename_once(staged: Path, target: Path) -> None:
    """Atomic, and refused by the system where the target already holds something."""
    try:
        if target.exists():
            raise FileExistsError(target)
        os.rename(staged, target)  # noqa: PTH104 - unlike Path.replace, it says what it does
    except OSError:
        if target.exists():
            raise FileExistsError(errno.EEXIST, "it exists already", str(target)) from None
        raise
