"""A bucket of a real S3 server behind a proxy that can break, and a model version to put there."""

from pathlib import Path
from typing import Any

import boto3

from model_store.s3 import S3Store
from tests.support.proxy import Proxy

REF = "distilbert/1"
SMALL, LARGE = 1 << 10, 9 << 20  #: bytes of the file a.onnx: one part, more than one


class S3:
    """An empty bucket; every store made here gets a cache of its own, unless told otherwise."""

    def __init__(self, endpoint: str, proxy: Proxy, bucket: str, folder: Path) -> None:
        self.proxy = proxy
        self.bucket = bucket
        self.url = f"s3://{bucket}/team/models"
        self._folder = folder
        self._made = 0
        self._client: Any = boto3.client("s3", endpoint_url=endpoint)
        self._client.create_bucket(Bucket=bucket)

    def store(self, cache: Path | None = None, *, min_created: str = "") -> S3Store:
        self._made += 1
        return S3Store(self.url, cache or self._folder / f"cache-{self._made}", min_created=min_created)

    def overwrite(self, key: str, data: bytes | None) -> None:
        """Whatever the store would never do; None removes the object."""
        where = {"Bucket": self.bucket, "Key": f"team/models/{key}"}
        if data is None:
            self._client.delete_object(**where)
        else:
            self._client.put_object(**where, Body=data)

    def parts(self, key: str) -> int:
        """In how many parts an object was sent; 0: as a whole."""
        etag = self._client.head_object(Bucket=self.bucket, Key=f"team/models/{key}")["ETag"].strip('"')
        return int(etag.partition("-")[2] or 0)


def make_version(folder: Path, size: int = SMALL) -> Path:
    """Files of a model; a.onnx has `size` bytes."""
    folder.mkdir()
    (folder / "a.onnx").write_bytes(bytes(range(256)) * (size // 256))
    (folder / "b.onnx").write_bytes(b"weights")
    (folder / "empty.txt").touch()
    (folder / "tokenizer.json").write_text("{}")
    return folder
