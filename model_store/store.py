"""Where model versions live. A version is an immutable folder `name/version/`; its manifest vouches for every file."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import msgspec

from model_store.manifest import FEATURES, NORMALISER, FileInfo, Manifest, decode, encode
from pipeline.errors import ModelError

MANIFEST = "manifest.json"
#: The models that ship with the project.
SHIPPED = Path(__file__).parent / "models"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK = 1 << 20


class Bundle(msgspec.Struct, frozen=True):
    """A verified version on the local disk."""

    path: Path
    manifest: Manifest


class Store(Protocol):
    """A place that holds model versions."""

    def names(self) -> list[str]:
        """Names of all models, sorted."""
        ...

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first by number; empty when there is no such model."""
        ...

    def open(self, ref: str) -> Bundle:
        """The version "name/version", verified, on the local disk.

        Raises:
            ModelError: it is missing, incomplete, tampered with, or made for other features.
        """
        ...

    def publish(self, folder: Path, manifest: Manifest) -> str:
        """Add a version from the files of `folder` and say its "name/version".

        Raises:
            ModelError: the version exists, or the folder is not what the manifest says.
        """
        ...


class LocalStore:
    """Versions below a local folder."""

    def __init__(self, root: Path = SHIPPED) -> None:
        self._root = root

    def names(self) -> list[str]:
        return sorted(folder.name for folder in self._folders(self._root) if _NAME.fullmatch(folder.name))

    def versions(self, name: str) -> list[str]:
        if not _NAME.fullmatch(name):
            return []
        found = [f.name for f in self._folders(self._root / name) if (f / MANIFEST).is_file()]
        return sorted((v for v in found if _VERSION.fullmatch(v)), key=version_key)

    def open(self, ref: str) -> Bundle:
        name, version = parse_ref(ref)
        folder = self._root / name / version
        manifest = read_manifest(folder, ref)
        check_compatible(manifest)
        check_files(folder, manifest)
        return Bundle(folder, manifest)

    def publish(self, folder: Path, manifest: Manifest) -> str:
        name, version = parse_ref(manifest.ref)
        check_files(folder, manifest)
        target = self._root / name / version
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=".incoming-", dir=target.parent))
        try:
            for file in manifest.files:
                shutil.copyfile(folder / file, staged / file)
            (staged / MANIFEST).write_bytes(encode(manifest))
            staged.chmod(0o755)
            _rename_once(staged, target, manifest.ref)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        return manifest.ref

    def _folders(self, root: Path) -> list[Path]:
        return [p for p in root.iterdir() if p.is_dir()] if root.is_dir() else []


def parse_ref(ref: str) -> tuple[str, str]:
    """("name", "version") of "name/version"; never a path that leads elsewhere.

    Raises:
        ModelError: it is not of that form.
    """
    name, _, version = ref.partition("/")
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version) or version.startswith("."):
        raise ModelError(f"{ref!r} is not of the form name/version")
    return name, version


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: numbers by value, so that "10" follows "9"."""
    parts = re.split(r"[._-]", version)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def describe_files(folder: Path, names: list[str]) -> dict[str, FileInfo]:
    """Checksum and size of files, for a manifest that is being written."""
    return {name: FileInfo(_sha256(folder / name), (folder / name).stat().st_size) for name in sorted(names)}


def read_manifest(folder: Path, ref: str) -> Manifest:
    """The manifest of a version folder.

    Raises:
        ModelError: it is missing, malformed or of another version.
    """
    try:
        manifest = decode((folder / MANIFEST).read_bytes())
    except OSError:
        raise ModelError(f"there is no model version {ref}") from None
    except msgspec.DecodeError as error:
        raise ModelError(f"the manifest of {ref} is not valid: {error}") from None
    if manifest.ref != ref:
        raise ModelError(f"the manifest of {ref} is that of {manifest.ref}")
    return manifest


def check_compatible(manifest: Manifest) -> None:
    """Refuse a model whose inputs this code would compute differently."""
    wanted: Mapping[str, tuple[str, str]] = {
        "normaliser": (manifest.normaliser, NORMALISER),
        "features": (manifest.features, FEATURES),
    }
    for what, (theirs, ours) in wanted.items():
        if theirs != ours:
            raise ModelError(f"{manifest.ref} needs {what} {theirs!r}, this code has {ours!r}")


def check_files(folder: Path, manifest: Manifest) -> None:
    """Refuse a version whose files are not, byte for byte, those its manifest lists."""
    for name, info in manifest.files.items():
        if Path(name).name != name or name == MANIFEST:
            raise ModelError(f"{manifest.ref} lists a file outside its folder: {name!r}")
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{manifest.ref} lacks {name}")
        if path.stat().st_size != info.bytes:
            raise ModelError(f"{name} of {manifest.ref} has {path.stat().st_size} bytes instead of {info.bytes}")
        if _sha256(path) != info.sha256:
            raise ModelError(f"{name} of {manifest.ref} does not match its checksum")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _rename_once(staged: Path, target: Path, ref: str) -> None:
    """Atomic, and refused by the system where the target already holds a version."""
    try:
        if target.exists():
            raise FileExistsError
        os.rename(staged, target)  # noqa: PTH104 - unlike Path.replace, it says what it does
    except OSError:
        if target.exists():
            raise ModelError(f"{ref} is already published; a version never changes") from None
        raise
