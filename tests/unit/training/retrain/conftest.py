"""One tiny version that serves, trained once."""

from pathlib import Path

import pytest

from tests.support import tiny_corpora
from tests.support.tiny_retraining import Serving, train_serving


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.write(tmp_path_factory.mktemp("corpora"))


@pytest.fixture(scope="session")
def serving(corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WINNOW_DATA", str(corpora))
        return train_serving(tmp_path_factory.mktemp("serving"))


@pytest.fixture
def corpora_here(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_DATA", str(corpora))
