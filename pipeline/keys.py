"""Keyed hashes: what is stored about messages and senders can neither be read nor guessed without the secret."""

from hashlib import blake2b

import msgspec

_pack = msgspec.msgpack.Encoder().encode


class Keys:
    """Makes cache keys and pseudonyms.

    Args:
        secret: of this installation; equal on all replicas.
        facts: versions that answers depend on (models, rules, normaliser); a change makes all keys new.
    """

    def __init__(self, secret: str, facts: tuple[str, ...] = ()) -> None:
        self._secret = blake2b(secret.encode()).digest()
        self._facts = facts

    def answer(self, lane: str, tenant: str, *parts: str | bool) -> bytes:
        """Key of one answer, 16 bytes. The tenant is part of it: nobody may probe what another one was sent."""
        return self._hash(_pack((lane, self._facts, tenant, parts)))

    def sender(self, sender: str) -> str:
        """Pseudonym of a sender for reputation and receipts; "" for an unknown one."""
        return self._hash(_pack(("sender", sender))).hex() if sender else ""

    def purpose(self, name: str) -> bytes:
        """A secret of its own for another purpose, 32 bytes."""
        return blake2b(name.encode(), digest_size=32, key=self._secret).digest()

    def _hash(self, data: bytes) -> bytes:
        return blake2b(data, digest_size=16, key=self._secret).digest()
