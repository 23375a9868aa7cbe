"""The client's half of HTTP/1.1, as much of it as a load generator needs: keep-alive, lengths, chunks."""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec

_LAST_CHUNK = b"0\r\n\r\n"


class Reply(msgspec.Struct, frozen=True):
    status: int
    retry_after: bool
    body: bytes


class Connection(asyncio.Protocol):
    """One request at a time: `send`, then `answered` or `lost` is called once."""

    def __init__(
        self, answered: Callable[["Connection", Reply], None], lost: Callable[["Connection", str], None]
    ) -> None:
        """
        Args:
            answered: a whole answer has come; the connection may send again unless `closing`.
            lost: it is closed; says "" when nothing was asked, else what went wrong.
        """
        self._answered, self._lost = answered, lost
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._start = self._end = 0  # of the answer's body in the data; start 0: its head is not complete
        self._chunked = False
        self._head = Reply(0, False, b"")
        self._trouble = ""
        self.busy = self.closing = False
        self.index, self.since, self.sent = 0, 0.0, 0.0  #: what was asked, when it was due, when it left

    def send(self, request: bytes, index: int, since: float, sent: float) -> None:
        assert self._transport
        self.busy, self.index, self.since, self.sent = True, index, since, sent
        self._transport.write(request)

    def close(self) -> None:
        self.closing = True
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._start and not self._read_head():
            return
        body = self._body()
        if body is None:
            return
        reply = Reply(self._head.status, self._head.retry_after, body)
        self._data.clear()
        self._start, self.busy = 0, False
        if self.closing:
            self.close()
        self._answered(self, reply)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        trouble = self._trouble or ("connection lost" if self.busy else "")
        self.busy = False
        self._lost(self, trouble)

    def _read_head(self) -> bool:
        size = self._data.find(b"\r\n\r\n")
        if size < 0:
            return False
        head = bytes(self._data[:size]).lower()
        at = head.find(b"\r\ncontent-length:")
        self._chunked = at < 0 and b"\r\ntransfer-encoding: chunked" in head
        if at < 0 and not self._chunked:
            self._trouble = "answer without a length"
            self.close()
            return False
        self._start = size + 4
        self._end = 0 if self._chunked else self._start + int(head[at + 17 :].split(b"\r\n", 1)[0])
        self._head = Reply(int(head[9:12]), b"\r\nretry-after:" in head, b"")
        self.closing = b"\r\nconnection: close" in head
        return True

    def _body(self) -> bytes | None:
        """The whole body; None while some of it is missing. Nothing follows it: we ask one thing at a time."""
        if not self._chunked:
            return bytes(self._data[self._start : self._end]) if len(self._data) >= self._end else None
        return unchunked(bytes(self._data[self._start :])) if self._data.endswith(_LAST_CHUNK) else None


def unchunked(raw: bytes) -> bytes | None:
    """The body of a chunked answer; None while it is not whole."""
    body, place = b"", 0
    while (line := raw.find(b"\r\n", place)) >= 0:
        size = int(raw[place:line].split(b";")[0], 16)
        if size == 0:
            return body
        body += raw[line + 2 : line + 2 + size]
        place = line + 2 + size + 2
    return None
