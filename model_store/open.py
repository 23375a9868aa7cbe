"""A store by its address."""

from pathlib import Path

from model_store.s3 import S3Store
from model_store.store import LocalStore, Store


def is_remote(root: str) -> bool:
    """Whether it is the address of a bucket rather than a folder."""
    return root.startswith("s3://")


def open_store(root: str, cache: Path, *, min_created: str = "") -> Store:
    """The store at "s3://bucket/prefix" or in a folder.

    Args:
        root: its address.
        cache: folder for copies of what a bucket holds.
        min_created: ISO date; older versions are refused. Empty: no bound.

    Raises:
        ConfigError: the address of a bucket, or the endpoint in the environment, is not one.
    """
    if is_remote(root):
        return S3Store(root, cache, min_created=min_created)
    return LocalStore(Path(root), min_created=min_created)
