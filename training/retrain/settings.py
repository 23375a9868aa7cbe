"""How versions are retrained: the typed form of `configs/retrain.yaml`."""

from pathlib import Path
from typing import Annotated

import msgspec

from model_store.manifest import Manifest
from pipeline.errors import ConfigError
from training.feedback import CAPS, Caps
from training.finetune import FinetuneSettings
from training.gates import Gate
from training.settings import NetSettings, RecipeSettings
from training.settings import read_settings as read_recipe

Count = Annotated[int, msgspec.Meta(ge=0)]
FEEDBACK = "feedback"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    recipe: str  #: file of the recipe, beside this one
    net: str  #: the one of its nets that is made
    gates: Annotated[list[Gate], msgspec.Meta(min_length=1)]
    #: of a net that goes on from the serving version's weights; else the recipe's own
    finetune: FinetuneSettings = FinetuneSettings(epochs=2, rate=1e-4)
    patience: Count = 1  #: epochs without gain on the validation rows after which fine-tuning ends; 0: none
    weight: float = 1.0  #: of a message of the feedback, beside `data.weights` of the recipe
    caps: Caps = CAPS  #: how much of the feedback may come from one tenant, and be about one sender
    least_news: Annotated[int, msgspec.Meta(ge=1)] = 200  #: new messages of feedback, below which nothing is trained
    messages: Annotated[int, msgspec.Meta(ge=1)] = 8000  #: of the grammar's held-out wordings, that gates ask


class RetrainSettings(msgspec.Struct, frozen=True):
    """The file, with the recipe that it names."""

    recipe: RecipeSettings
    net: NetSettings
    gates: list[Gate]
    finetune: FinetuneSettings
    patience: int
    caps: Caps
    least_news: int
    messages: int

    def numbered(self, version: str, trees: str, description: str, goes_on: Manifest | None) -> RecipeSettings:
        """The recipe of one candidate.

        Args:
            version: of the transformer.
            trees: of the TF-IDF bundle.
            description: of the transformer, before what the recipe says of it.
            goes_on: the version from whose weights it starts; None: it is made from the beginning.
        """
        net = msgspec.structs.replace(self.net, version=version, description=f"{description} {self.net.description}")
        if goes_on:
            net = msgspec.structs.replace(net, finetune=self.finetune, max_tokens=goes_on.max_tokens)
        return msgspec.structs.replace(self.recipe, nets=[net], gate_version=trees)


def read_settings(path: Path) -> RetrainSettings:
    """
    Raises:
        ConfigError: a file is missing, a key is unknown or of the wrong type, or the recipe has no such net.
    """
    try:
        file = msgspec.yaml.decode(path.read_bytes(), type=_File)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    recipe = read_recipe(path.parent / file.recipe)
    net = next((each for each in recipe.nets if each.version == file.net), None)
    if net is None:
        raise ConfigError(f"{path}: {file.recipe} has no net {file.net!r}")
    data = msgspec.structs.replace(
        recipe.data,
        corpora=tuple(name for name in recipe.data.corpora if name != FEEDBACK),  # it is read once, and kept
        weights={**recipe.data.weights, FEEDBACK: file.weight},
    )
    return RetrainSettings(
        recipe=msgspec.structs.replace(recipe, data=data),
        net=net,
        gates=file.gates,
        finetune=file.finetune,
        patience=file.patience,
        caps=file.caps,
        least_news=file.least_news,
        messages=file.messages,
    )
