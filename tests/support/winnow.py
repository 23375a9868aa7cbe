"""The type of the fixture `winnow`: call the command line with these words."""

from typing import Protocol

from typer.testing import Result


class Winnow(Protocol):
    def __call__(self, *args: str, stdin: str | bytes | None = None) -> Result: ...
