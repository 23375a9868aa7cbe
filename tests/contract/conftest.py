"""Real servers for the contract suites, started once."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from deployments.embedded import EmbeddedBackends
from pipeline.clients.postgres import Database
from tests.support.proxy import Proxy
from tests.support.s3 import S3


@pytest.fixture(scope="session")
def backends(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBackends]:
    with EmbeddedBackends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, fit for a tenant."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def database(backends: EmbeddedBackends) -> AsyncIterator[Database]:
    """The schema is up to date."""
    opened = await Database.open(backends.database_url)
    await opened.migrate()
    yield opened
    await opened.close()


@pytest.fixture
async def empty_url(backends: EmbeddedBackends, unique: str) -> str:
    """URL of a database without any schema."""
    database = await Database.open(backends.database_url)
    async with database.connection() as connection:
        await connection.execute(f"create database {unique}")
    await database.close()
    return backends.database_url.replace("/postgres?", f"/{unique}?")


@pytest.fixture(scope="session")
def s3_address() -> Iterator[tuple[str, int]]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield server.get_host_and_port()
    server.stop()


@pytest.fixture
def s3(s3_address: tuple[str, int], unique: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An empty bucket, behind a proxy that the environment names as the endpoint."""
    with Proxy(s3_address) as proxy:
        for name, value in {
            "AWS_ENDPOINT_URL_S3": proxy.url,
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
            "AWS_CONFIG_FILE": str(tmp_path / "none"),
        }.items():
            monkeypatch.setenv(name, value)
        yield S3("http://{}:{}".format(*s3_address), proxy, unique, tmp_path)
