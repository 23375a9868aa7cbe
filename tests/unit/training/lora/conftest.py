"""One run of the whole recipe on a tiny random base, shared by the tests."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch

from training.lora.data import LoraData, gather
from training.lora.recipe import ADAPTER, run
from training.lora.settings import LoraSettings
from training.lora.tiny import make_tiny_base, tiny_settings


class Run(msgspec.Struct, frozen=True):
    settings: LoraSettings
    data: LoraData
    out: Path

    @property
    def adapter(self) -> Path:
        return self.out / ADAPTER


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """A model this small only loses time where threads wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def tiny_run(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = tiny_settings(LoraSettings(), tiny_base)
    out = tmp_path_factory.mktemp("lora")
    run(settings, out, merged=True)
    return Run(settings, gather(settings.data), out)
