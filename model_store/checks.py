"""What every store checks: names, manifests, files; and how each refusal is worded."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

import msgspec

from model_store.manifest import FEATURES, NORMALISER, FileInfo, Manifest, decode
from pipeline.errors import ModelError

MANIFEST = "manifest.json"

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CHUNK = 1 << 20


def is_name(name: str) -> bool:
    """Whether a model may be called so."""
    return _NAME.fullmatch(name) is not None


def parse_ref(ref: str) -> tuple[str, str]:
    """("name", "version") of "name/version"; never a path that leads elsewhere.

    Raises:
        ModelError: it is not of that form.
    """
    name, _, version = ref.partition("/")
    if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version) or version.startswith("."):
        raise ModelError(f"{ref!r} is not of the form name/version")
    return name, version


def sort_versions(found: Iterable[str]) -> list[str]:
    """Those that may be called so, oldest first by number."""
    return sorted((v for v in found if _VERSION.fullmatch(v)), key=version_key)


def version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: numbers by value, so that "10" follows "9"."""
    parts = re.split(r"[._-]", version)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def describe_files(folder: Path, names: list[str]) -> dict[str, FileInfo]:
    """Checksum and size of files, for a manifest that is being written."""
    return {name: FileInfo(sha256(folder / name), (folder / name).stat().st_size) for name in sorted(names)}


def read_manifest(folder: Path, ref: str) -> Manifest:
    """The manifest of a version folder.

    Raises:
        ModelError: it is missing, malformed or of another version.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError:
        raise no_version(ref) from None
    return parse_manifest(raw, ref)


def read_folder(folder: Path) -> Manifest:
    """The manifest of a folder that may hold any version.

    Raises:
        ModelError: it is missing or malformed.
    """
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except OSError:
        raise ModelError(f"{folder} holds no {MANIFEST}") from None


def parse_manifest(raw: bytes, ref: str = "") -> Manifest:
    """A manifest and the names in it, checked.

    Args:
        raw: JSON.
        ref: the version that it must be of; empty: any.

    Raises:
        ModelError: it is malformed, of another version, or lists a file that no version folder can hold.
    """
    try:
        manifest = decode(raw)
    except msgspec.DecodeError as error:
        raise ModelError(f"the manifest{f' of {ref}' if ref else ''} is not valid: {error}") from None
    if ref and manifest.ref != ref:
        raise ModelError(f"the manifest of {ref} is that of {manifest.ref}")
    check_names(manifest)
    return manifest


def check_usable(manifest: Manifest, min_created: str = "") -> None:
    """Refuse a model that is too old, or whose inputs this code would compute differently."""
    check_compatible(manifest)
    if not min_created:
        return
    try:
        created = date.fromisoformat(manifest.created[:10])
    except ValueError:
        raise ModelError(f"{manifest.ref} was created at no known date: {manifest.created!r}") from None
    if created < date.fromisoformat(min_created):
        raise ModelError(f"{manifest.ref} is of {created}; versions from before {min_created} are refused")


def check_compatible(manifest: Manifest) -> None:
    """Refuse a model whose inputs this code would compute differently."""
    wanted: Mapping[str, tuple[str, str]] = {
        "normaliser": (manifest.normaliser, NORMALISER),
        "features": (manifest.features, FEATURES),
    }
    for what, (theirs, ours) in wanted.items():
        if theirs != ours:
            raise ModelError(f"{manifest.ref} needs {what} {theirs!r}, this code has {ours!r}")


def check_names(manifest: Manifest) -> None:
    """Refuse a manifest that lists anything but plain files beside it."""
    parse_ref(manifest.ref)
    for name in manifest.files:
        if Path(name).name != name or name in ("", "..", MANIFEST):
            raise ModelError(f"{manifest.ref} lists a file outside its folder: {name!r}")


def check_files(folder: Path, manifest: Manifest) -> None:
    """Refuse a version whose files are not, byte for byte, those its manifest lists."""
    check_names(manifest)
    for name, info in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise ModelError(f"{manifest.ref} lacks {name}")
        if path.stat().st_size != info.bytes:
            raise ModelError(f"{name} of {manifest.ref} has {path.stat().st_size} bytes instead of {info.bytes}")
        if sha256(path) != info.sha256:
            raise ModelError(f"{name} of {manifest.ref} does not match its checksum")


def no_version(ref: str) -> ModelError:
    return ModelError(f"there is no model version {ref}")


def already_published(ref: str) -> ModelError:
    return ModelError(f"{ref} is already published; a version never changes")


def sha256(path: Path) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
