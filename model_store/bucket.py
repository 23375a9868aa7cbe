"""Objects below one prefix of an S3 bucket, none of which is ever overwritten. The one module that knows boto3.

Endpoint, region and credentials come from the environment, as boto3 reads them: `AWS_ENDPOINT_URL_S3`,
`AWS_ACCESS_KEY_ID`, …
"""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import msgspec

from pipeline.errors import ConfigError, Unavailable, WinnowError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*?))?/*", re.ASCII)
_CONNECT_S: Final = 2
_READ_S: Final = 5
_ATTEMPTS: Final = 3
_CHUNK: Final = 1 << 18  # what a broken connection loses at most
_MISSING: Final = ("404", "NoSuchKey", "NotFound")
_TAKEN: Final = ("412", "PreconditionFailed", "409", "ConditionalRequestConflict")


class Object(msgspec.Struct, frozen=True):
    """What S3 says of an object."""

    bytes: int
    note: str  #: what its writer noted down; empty when that was somebody else


class Bucket:
    """Keys are relative to the prefix. Every method raises `Unavailable`, naming the key, when S3 does not answer.

    Args:
        url: "s3://bucket/prefix"; the prefix may be empty.

    Raises:
        ConfigError: the URL or the endpoint in the environment is not one, or (on use) there is no such bucket.
    """

    def __init__(self, url: str) -> None:
        found = _URL.fullmatch(url)
        if not found:
            raise ConfigError(f"{url!r} is not of the form s3://bucket/prefix")
        self.name: str = found[1]
        self._prefix = f"{found[2]}/" if found[2] else ""
        self._client = _connect()

    @property
    def address(self) -> str:
        """Endpoint, bucket and prefix: what tells this place from all others."""
        return f"{self._client.meta.endpoint_url}/{self.name}/{self._prefix}"

    def keys(self, below: str = "") -> list[str]:
        """All keys that start with `below`, sorted."""
        pages = self._client.get_paginator("list_objects_v2")
        with _answering(below or self.name):
            found = [
                item["Key"].removeprefix(self._prefix)
                for page in pages.paginate(Bucket=self.name, Prefix=self._prefix + below)
                for item in page.get("Contents", ())
            ]
        return sorted(found)

    def head(self, key: str) -> Object | None:
        """Size and note of an object; None when there is none."""
        with _answering(key), _maybe_missing():
            answer = self._client.head_object(Bucket=self.name, Key=self._prefix + key)
            return Object(answer["ContentLength"], answer["Metadata"].get(_NOTE, ""))
        return None

    def read(self, key: str) -> bytes | None:
        """A small object; None when there is none."""
        with _answering(key), _maybe_missing():
            answer = self._client.get_object(Bucket=self.name, Key=self._prefix + key)
            return answer["Body"].read()
        return None

    def stream(self, key: str, start: int = 0) -> Iterator[bytes]:
        """The bytes of an object that is there, from offset `start`, which must lie inside it."""
        with _answering(key):
            span = {"Range": f"bytes={start}-"} if start else {}
            body = self._client.get_object(Bucket=self.name, Key=self._prefix + key, **span)["Body"]  # type: ignore[arg-type]
            with closing(body):
                yield from body.iter_chunks(_CHUNK)

    def put(self, key: str, data: bytes) -> bool:
        """Write a small object; False when there is one already."""
        mine = uuid4().hex
        with _answering(key), _maybe_taken():
            self._client.put_object(Bucket=self.name, Key=self._prefix + key, Body=data, Metadata={_NOTE: mine})
            return True
        return self._has(key, len(data), mine)

    def upload(self, key: str, path: Path, note: str) -> bool:
        """Write a file, in parts when it is large; False when there is another object of that name already."""
        size = path.stat().st_size
        if self._has(key, size, note):
            return True
        with path.open("rb") as file, _answering(key), _maybe_taken():
            self._client.upload_fileobj(file, self.name, self._prefix + key, ExtraArgs={"Metadata": {_NOTE: note}})
            return True
        return self._has(key, size, note)

    def delete(self, key: str) -> None:
        """Remove an object, if there is one."""
        with _answering(key):
            self._client.delete_object(Bucket=self.name, Key=self._prefix + key)

    def _has(self, key: str, size: int, note: str) -> bool:
        """Whether the object is the caller's own: boto3 repeats a request whose answer was lost."""
        return self.head(key) == Object(size, note)


_NOTE: Final = "winnow"  # key of the metadata


def _connect() -> "S3Client":
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        # The manifest has checksums of its own, and not every server of this protocol knows those of 2025.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        client = boto3.Session().client("s3", config=config)  # the default session is not for many threads
    except ValueError as error:
        raise ConfigError(f"S3: {error}") from None
    for operation in ("PutObject", "CompleteMultipartUpload"):
        client.meta.events.register(f"before-call.s3.{operation}", _never_overwrite)
    return client


def _never_overwrite(params: dict[str, Any], **_: object) -> None:
    """A header that the transfer manager cannot be asked for: S3 refuses to write where an object is."""
    params["headers"]["If-None-Match"] = "*"


@contextmanager
def _answering(key: str) -> Iterator[None]:
    """Errors of boto3 as Winnow's, which name the key."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refusal(error, key) from None
    except BotoCoreError as error:  # unreachable, timed out, broken off, without credentials
        raise Unavailable(f"S3 does not answer for {key}: {type(error).__name__}") from None


@contextmanager
def _maybe_missing() -> Iterator[None]:
    with _ignoring(_MISSING):
        yield


@contextmanager
def _maybe_taken() -> Iterator[None]:
    with _ignoring(_TAKEN):
        yield


@contextmanager
def _ignoring(codes: tuple[str, ...]) -> Iterator[None]:
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if _code(error) not in codes:
            raise


def _refusal(error: "ClientError", key: str) -> WinnowError:
    code = _code(error)
    if code == "NoSuchBucket":
        return ConfigError(f"there is no such bucket: {error.response['Error'].get('BucketName', '')} ({key})")
    return Unavailable(f"S3 refuses {key}: {code}")


def _code(error: "ClientError") -> str:
    return error.response["Error"].get("Code", "unknown")
