"""Where the server and its database are, and the options that say so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import psutil  # type: ignore[import-untyped]
import typer

from deployments.client import Client
from pipeline.clients.postgres import Database
from pipeline.errors import ConfigError

DEFAULT_URL = "http://127.0.0.1:8000"
_PANEL = "Connection"

HomeOption = Annotated[
    Path, typer.Option("--home", envvar="WINNOW_HOME", help="Folder of the local server.", rich_help_panel=_PANEL)
]
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="WINNOW_URL",
        help=f"The server; else the one that runs in --home, else {DEFAULT_URL}.",
        rich_help_panel=_PANEL,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key", envvar="WINNOW_KEY", help="API key; else the development key in --home.", rich_help_panel=_PANEL
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="DATABASE_URL",
        help="postgresql://…; else that of the server that runs in --home.",
        rich_help_panel=_PANEL,
    ),
]
HOME = Path(".winnow")


class _State(msgspec.Struct, frozen=True):
    """What a running server says of itself in `server.json`."""

    url: str
    database_url: str
    pid: int


def connect(url: str | None, key: str | None, home: Path, *, connections: int = 100) -> Client:
    """A client of the server that the options name.

    Raises:
        ConfigError: no key is given, and there is no development key.
    """
    state = _running(home)
    return Client(url or (state.url if state else DEFAULT_URL), key or _development_key(home), connections=connections)


def local_server(home: Path) -> int:
    """Process id of the server that runs in `home`.

    Raises:
        ConfigError: none does.
    """
    if state := _running(home):
        return state.pid
    raise ConfigError(f"no server runs in {home}; `winnow serve` starts one, --home names another folder")


def database_address(url: str | None, home: Path) -> str:
    """URL of the database that the options name.

    Raises:
        ConfigError: none is named, and no server runs in `home`.
    """
    return url or _database_url(home)


@asynccontextmanager
async def open_database(url: str | None, home: Path) -> AsyncIterator[Database]:
    """The database that the options name, its schema up to date.

    Raises:
        ConfigError: no database is named, and no server runs in `home`.
        Unavailable: it does not answer.
    """
    database = await Database.open(database_address(url, home))
    try:
        await database.migrate()
        yield database
    finally:
        await database.close()


def _development_key(home: Path) -> str:
    try:
        return (home / "development.key").read_text().strip()
    except OSError:
        raise ConfigError(
            f"no API key: give --key or set WINNOW_KEY; `winnow serve` writes one to {home / 'development.key'}"
        ) from None


def _database_url(home: Path) -> str:
    if state := _running(home):
        return state.database_url
    raise ConfigError(f"no database: give --database-url or set DATABASE_URL; no server runs in {home}")


def _running(home: Path) -> _State | None:
    """The server of this folder; None: there is none, or it was killed before it could say so."""
    try:
        state = msgspec.json.decode((home / "server.json").read_bytes(), type=_State)
    except (OSError, msgspec.DecodeError):
        return None
    return state if psutil.pid_exists(state.pid) else None
