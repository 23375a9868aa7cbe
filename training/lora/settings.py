"""What a LoRA run is made of: the typed form of `configs/lora.yaml`. The defaults are the reference document's."""

from pathlib import Path
from typing import Literal

import msgspec

from pipeline.errors import ConfigError

Form = Literal["appendix", "base"]


class DataSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    generated: int = 60_000  #: messages of the grammar to choose from
    most: int = 1_000  #: of them, taught for each intent; what is no OTP is the most common by far
    held: int = 12_000  #: messages of its held-out wordings and brands to choose from
    held_most: int = 100  #: of them, judged for each intent
    sets: tuple[str, ...] = ()  #: labelled ones besides: "feedback", a corpus, or a .jsonl file with text and intent
    held_share: float = 0.2  #: of the near-duplicate groups of those sets
    judged: tuple[str, ...] = ()  #: corpora with intents that are judged and never taught
    seed: int = 2012


class AdapterSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.05
    modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class TuningSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epochs: int = 3
    rate: float = 2e-4
    rows: int = 64  #: of one step
    at_once: int = 2  #: of those, in memory together
    warmup: int = 10  #: steps
    decay: float = 0.0
    max_tokens: int = 512  #: of prompt and answer; longer rows are not taught
    checkpoint_every: int = 20  #: steps
    seed: int = 2012


class LoraSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: str = "Qwen/Qwen2.5-1.5B-Instruct"  #: of the model hub, or a local folder
    form: Form = "appendix"  #: how the prompt is written down, see `prompt`
    data: DataSettings = DataSettings()
    adapter: AdapterSettings = AdapterSettings()
    tuning: TuningSettings = TuningSettings()


def read_settings(path: Path) -> LoraSettings:
    """Settings of a YAML file.

    Raises:
        ConfigError: the file is missing, or a key is unknown or of the wrong type.
    """
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=LoraSettings)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
