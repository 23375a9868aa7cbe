"""A TCP proxy that counts what it carries and breaks connections where it is told to."""

import socket
import threading
from contextlib import suppress
from typing import Self

_CHUNK = 1 << 14


class Proxy:
    """In front of the server at `target`; enter it to start.

    Attributes:
        up, down: bytes carried to the server and to its clients.
        calls: connections accepted.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._limits: dict[str, float] = {}
        self._stays_down = False
        self._port = 0
        self.reset_counts()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def reset_counts(self) -> None:
        self.up = self.down = self.calls = 0

    def cut_after(self, *, up: float = float("inf"), down: float = float("inf"), for_good: bool = False) -> None:
        """Break all connections once that many more bytes were carried; for good: and refuse new ones."""
        self._limits, self._stays_down = {"up": self.up + up, "down": self.down + down}, for_good

    def start(self) -> None:
        """Listen, after `stop` at the same port as before."""
        self._limits = {}
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and break those that are open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._break_all()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.calls += 1
                server = socket.create_connection(self._target)
                with self._lock:
                    self._open |= {client, server}
                for way, source, sink in (("up", client, server), ("down", server, client)):
                    threading.Thread(target=self._carry, args=(way, source, sink), daemon=True).start()

    def _carry(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_CHUNK):
                with self._lock:
                    setattr(self, way, getattr(self, way) + len(data))
                    is_over = getattr(self, way) > self._limits.get(way, float("inf"))
                    if is_over:
                        self._limits = {}
                if is_over:
                    self.stop() if self._stays_down else self._break_all()
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _break_all(self) -> None:
        with self._lock:
            broken, self._open = self._open, set()
        for each in broken:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
                each.close()
