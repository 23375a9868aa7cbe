from pathlib import Path

import pytest

from model_store.store import Bundle, LocalStore
from training.mobile.export import export


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The newest shipped version of the TF-IDF models."""
    store = LocalStore()
    return store.open(f"lightgbm/{store.versions('lightgbm')[-1]}")


@pytest.fixture(scope="session")
def exported(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mobile") / "export"
    export(bundle, folder, texts=60)
    return folder
