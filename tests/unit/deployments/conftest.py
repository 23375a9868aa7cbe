"""The command line as a user calls it, and a server that speaks the contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from deployments.cli import app
from deployments.embedded import EmbeddedPostgres
from tests.support.api_server import KEY, ApiServer
from tests.support.winnow import Winnow


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer() as server:
        yield server


@pytest.fixture
def winnow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Winnow:
    """Call `winnow` in an empty folder, with nothing in the environment; `stdin` may be given."""
    for name in ("WINNOW_URL", "WINNOW_KEY", "WINNOW_HOME", "WINNOW_DATA", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*args: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, args, input=stdin)

    return call


@pytest.fixture
def online(winnow: Winnow, api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> Winnow:
    """The same, with the server's address and key in the environment."""
    monkeypatch.setenv("WINNOW_URL", api.url)
    monkeypatch.setenv("WINNOW_KEY", KEY)
    return winnow


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("backends") / "postgres")
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def at_home(winnow: Winnow, postgres: str, monkeypatch: pytest.MonkeyPatch) -> Winnow:
    monkeypatch.setenv("DATABASE_URL", postgres)
    return winnow
