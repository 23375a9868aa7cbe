"""Receipts: what a verdict rested on, signed, so that feedback is credited without storing every message."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from pipeline.errors import InvalidField

MAX_AGE_S = 90 * 24 * 3600.0
_VERSION = 2
_TAG_BYTES = 16
_SCALE = 10_000


class Receipt(msgspec.Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Holds neither text nor numbers of people. The order of the fields is the format: new ones go last."""

    id: str  #: unique within the tenant
    tenant: str
    arms: dict[str, tuple[str, int]]  #: task to "name/version" and revision, of the experiments in force
    models: dict[str, str]  #: task to version
    decisions: dict[str, str]  #: task to what the verdict said, as a label (see `pipeline.feedback`)
    scores: dict[str, float]  #: task to probability 0-1; four digits are kept, on the wire as an integer
    sender_key: str  #: pseudonym of the sender, "" when unknown
    recipient_key: str  #: of the recipient, where an experiment sticks to it; else ""
    issued_at: int  #: seconds since the epoch
    version: int = _VERSION


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Receipt).decode


def sign(secret: bytes, receipt: Receipt) -> str:
    """A token of URL-safe characters: base64url of msgpack and 16 bytes of HMAC-SHA256."""
    scores = {task: int(score * _SCALE + 0.5) for task, score in receipt.scores.items()}  # shorter than floats
    payload = _encode(msgspec.structs.replace(receipt, scores=scores))
    return urlsafe_b64encode(payload + _tag(secret, payload)).rstrip(b"=").decode()


def verify(secrets: Sequence[bytes], token: str, tenant: str, *, now: float, max_age_s: float = MAX_AGE_S) -> Receipt:
    """The receipt in `token`.

    Args:
        secrets: the current one and those it replaced; any of them may have signed.
        tenant: who presents it.
        now: seconds since the epoch.

    Raises:
        InvalidField: it was altered, signed by somebody else, given to another tenant, or is older than `max_age_s`.
    """
    payload, tag = _split(token)
    if not any(hmac.compare_digest(tag, _tag(secret, payload)) for secret in secrets):
        raise _invalid("it is not one of ours, or it was altered")
    try:
        receipt = _decode(payload)
    except msgspec.MsgspecError:
        raise _invalid("its format is no longer read") from None
    if receipt.version != _VERSION:
        raise _invalid("its format is no longer read")
    if receipt.tenant != tenant:
        raise _invalid("it is not one of ours, or it was altered")  # says no more to a stranger
    if now - receipt.issued_at > max_age_s:
        raise _invalid(f"it is older than {max_age_s / 86400:.0f} days")
    scores = {task: score / _SCALE for task, score in receipt.scores.items()}
    return msgspec.structs.replace(receipt, scores=scores)


def _split(token: str) -> tuple[bytes, bytes]:
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (Base64Error, ValueError):
        raise _invalid("it is not one of ours, or it was altered") from None
    if urlsafe_b64encode(raw).rstrip(b"=") != token.encode():  # the decoder skips over foreign characters
        raise _invalid("it is not one of ours, or it was altered")
    return raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]


def _tag(secret: bytes, payload: bytes) -> bytes:
    signature = _keyed(secret).copy()  # a third faster than hmac.digest, which prepares the key each time
    signature.update(payload)
    return signature.digest()[:_TAG_BYTES]


@lru_cache(maxsize=16)
def _keyed(secret: bytes) -> hmac.HMAC:
    return hmac.new(secret, digestmod="sha256")


def _invalid(reason: str) -> InvalidField:
    return InvalidField(f"the receipt is not valid: {reason}", field="$.receipt")
