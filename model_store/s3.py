"""Versions in an S3 bucket, laid out as in a folder: `prefix/name/version/{manifest.json, model.onnx, …}`.

The manifest is written last and removed first, so that a version is there whole or not at all. No object is ever
overwritten: of two publishers one wins, and neither spoils what the other has sent. What is opened is copied to a
local folder, verified, and served from there from then on, whether S3 answers or not.
"""

import fcntl
import hashlib
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_store.bucket import Bucket
from model_store.checks import (
    MANIFEST,
    already_published,
    check_files,
    check_usable,
    is_name,
    no_version,
    parse_manifest,
    parse_ref,
    sha256,
    sort_versions,
)
from model_store.manifest import FileInfo, Manifest, encode
from model_store.store import Bundle, LocalStore, check_unneeded
from pipeline.errors import ModelError, Unavailable

log = logging.getLogger(__name__)


class S3Store:
    """A `Store` on S3.

    Args:
        url: "s3://bucket/prefix".
        cache: folder of the local copies, which may be that of other stores too.
        min_created: ISO date; older versions are refused. Empty: no bound.

    Raises:
        ConfigError: the URL or the endpoint in the environment is not one, or (on use) there is no such bucket.
    """

    def __init__(self, url: str, cache: Path, *, min_created: str = "") -> None:
        self._bucket = Bucket(url)
        self._min_created = min_created
        place = hashlib.sha256(self._bucket.address.encode()).hexdigest()[:12]
        self._copies = LocalStore(cache / f"{self._bucket.name}-{place}", min_created=min_created)

    def names(self) -> list[str]:
        try:
            return sorted({name for name, _ in self._published()})
        except Unavailable as error:
            log.warning("listing local copies alone: %s", error.detail)
            return self._copies.names()

    def versions(self, name: str) -> list[str]:
        if not is_name(name):
            return []
        try:
            return sort_versions(version for _, version in self._published(f"{name}/"))
        except Unavailable as error:
            log.warning("listing local copies of %s alone: %s", name, error.detail)
            return self._copies.versions(name)

    def manifest(self, ref: str) -> Manifest:
        parse_ref(ref)
        try:
            raw = self._bucket.read(f"{ref}/{MANIFEST}")
        except Unavailable as error:
            if not self._copies.folder(ref).is_dir():
                raise
            log.warning("reading the local copy of %s: %s", ref, error.detail)
            return self._copies.manifest(ref)
        if raw is None:
            raise no_version(ref)
        return parse_manifest(raw, ref)

    def open(self, ref: str) -> Bundle:
        """The version, from its verified local copy; S3 is asked where there is none, or a damaged one.

        Raises:
            ModelError: it is missing, incomplete, tampered with, too old, or made for other features.
            Unavailable: there is no good copy, and S3 does not answer or the cache cannot be written.
        """
        manifest = self._copied(ref)
        if manifest is None:
            try:
                manifest = self._copy(ref)
            except OSError as error:
                raise Unavailable(f"no local copy of {ref} can be written: {error}") from None
        check_usable(manifest, self._min_created)
        return Bundle(self._copies.folder(ref), manifest)

    def verify(self, ref: str) -> None:
        manifest = self.manifest(ref)
        check_usable(manifest, self._min_created)
        for name, info in manifest.files.items():
            self._check_size(ref, name, info)
            digest = hashlib.sha256()
            for chunk in self._bucket.stream(f"{ref}/{name}"):
                digest.update(chunk)
            if digest.hexdigest() != info.sha256:
                raise _tampered(ref, name)

    def publish(self, folder: Path, manifest: Manifest) -> str:
        """As in the protocol. Files that an interrupted call has sent are not sent again."""
        ref = manifest.ref
        check_files(folder, manifest)
        if self._bucket.head(f"{ref}/{MANIFEST}"):
            raise already_published(ref)
        for name, info in sorted(manifest.files.items()):  # in one order, so that of two publishers one gets through
            if not self._bucket.upload(f"{ref}/{name}", folder / name, info.sha256):
                raise ModelError(f"another publisher left another {name} of {ref}: wait for it, or delete {ref} first")
        if not self._bucket.put(f"{ref}/{MANIFEST}", encode(manifest)):
            raise already_published(ref)
        return ref

    def delete(self, ref: str, *, force: bool = False) -> None:
        """As in the protocol; also what an interrupted `publish` left. Copies on other machines stay."""
        parse_ref(ref)
        found = self._bucket.keys(f"{ref}/")
        if not found:
            raise no_version(ref)
        if not force:
            check_unneeded(self, ref)
        for key in sorted(found, key=lambda key: key != f"{ref}/{MANIFEST}"):
            self._bucket.delete(key)
        if self._copies.folder(ref).is_dir():
            self._copies.delete(ref, force=True)

    def _published(self, below: str = "") -> Iterator[tuple[str, str]]:
        """(name, version) of every manifest below a prefix."""
        for key in self._bucket.keys(below):
            name, _, rest = key.partition("/")
            version, _, file = rest.partition("/")
            if file == MANIFEST and is_name(name) and sort_versions([version]):
                yield name, version

    def _copied(self, ref: str) -> Manifest | None:
        """Of the local copy, when there is one and its files are what it lists."""
        folder = self._copies.folder(ref)
        if not folder.is_dir():
            return None
        try:
            manifest = self._copies.manifest(ref)
            check_files(folder, manifest)
        except ModelError as error:
            log.warning("a local copy is damaged and will be fetched again: %s", error.detail)
            return None
        return manifest

    def _copy(self, ref: str) -> Manifest:
        """Fetch a version into a hidden folder, which an interrupted call leaves for the next, and rename that."""
        folder = self._copies.folder(ref)
        staged = folder.with_name(f".{folder.name}.incoming")
        with _lock(folder.with_name(f".{folder.name}.lock")):
            if manifest := self._copied(ref):  # by another process, meanwhile
                return manifest
            raw = self._bucket.read(f"{ref}/{MANIFEST}")
            if raw is None:
                raise no_version(ref)
            manifest = parse_manifest(raw, ref)
            check_usable(manifest, self._min_created)
            staged.mkdir(exist_ok=True)
            for name, info in manifest.files.items():
                self._fetch(ref, name, info, staged / name)
            (staged / MANIFEST).write_bytes(raw)
            shutil.rmtree(folder, ignore_errors=True)
            staged.rename(folder)
        return manifest

    def _fetch(self, ref: str, name: str, info: FileInfo, path: Path) -> None:
        """Fetch what is missing of a file. A left-over that does not fit is dropped, once."""
        self._check_size(ref, name, info)
        path.touch()
        was_started = path.stat().st_size > 0
        self._append(f"{ref}/{name}", info.bytes, path)
        if sha256(path) == info.sha256:
            return
        path.unlink()
        if not was_started:
            raise _tampered(ref, name)
        self._fetch(ref, name, info, path)

    def _append(self, key: str, size: int, path: Path) -> None:
        """Append the rest of an object; a connection that breaks is replaced as long as each one brings something."""
        while (start := path.stat().st_size) < size:
            failure = Unavailable(f"S3 sends nothing of {key}")
            try:
                with path.open("ab") as file:
                    for chunk in self._bucket.stream(key, start):
                        file.write(chunk)
            except Unavailable as error:
                failure = error
                log.warning("%s, after %d of %d bytes", error.detail, path.stat().st_size, size)
            if path.stat().st_size == start:
                raise failure

    def _check_size(self, ref: str, name: str, info: FileInfo) -> None:
        found = self._bucket.head(f"{ref}/{name}")
        if found is None:
            raise ModelError(f"{ref} lacks {name}")
        if found.bytes != info.bytes:
            raise ModelError(f"{name} of {ref} has {found.bytes} bytes instead of {info.bytes}")


def _tampered(ref: str, name: str) -> ModelError:
    return ModelError(f"{name} of {ref} does not match its checksum")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One holder at a time, of all processes of this machine; a process that dies holds nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
