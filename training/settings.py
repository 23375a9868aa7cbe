"""What a recipe is made of: the typed form of `configs/training.yaml`."""

import re
from pathlib import Path

import msgspec

from pipeline.errors import ConfigError
from training.dataset import DataSettings
from training.finetune import FinetuneSettings
from training.gate import GateSettings
from training.net import NetSize
from training.pretrain import PretrainSettings

SCRATCH = "scratch"


class NetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the transformer."""

    version: str
    description: str
    base: str = SCRATCH  #: or a DistilBERT of the model hub, or a local folder that holds one
    layers: list[int] = []  #: from scratch: layers of the pretrained net that it starts from
    max_tokens: int = 96
    finetune: FinetuneSettings = FinetuneSettings()


class RecipeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    nets: list[NetSettings]
    pretraining_corpora: list[str]
    data: DataSettings = DataSettings()
    gate: GateSettings = GateSettings()
    gate_version: str = "1"
    vocab_size: int = 8192
    pretraining_texts: int = 150_000
    finetuning: dict[str, int] = {}  #: source to how many of its rows fine-tuning sees; the gate sees all
    net: NetSize = NetSize()
    pretrain: PretrainSettings = PretrainSettings()
    threads: int = 2


def from_base(base: str) -> NetSettings:
    """A net on a pretrained base, fine-tuned as the reference document says: 3 epochs, batches of 32, rate 2e-5."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", Path(base).name)
    tuning = FinetuneSettings(epochs=3, tokens=32 * 48, rate=2e-5)
    return NetSettings(f"{name}-1", f"Fine-tuned from {name}. INT8.", base, max_tokens=128, finetune=tuning)


def read_settings(path: Path, base: str = SCRATCH) -> RecipeSettings:
    """Settings of a YAML file; with a base, one net on it in place of those that the file names.

    Raises:
        ConfigError: the file is missing, or a key is unknown or of the wrong type.
    """
    try:
        settings = msgspec.yaml.decode(path.read_bytes(), type=RecipeSettings)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return settings if base == SCRATCH else msgspec.structs.replace(settings, nets=[from_base(base)])
