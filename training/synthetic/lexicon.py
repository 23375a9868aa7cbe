"""Brands, places and habits of the countries that messages come from; read from `lexicon/*.yaml`."""

from functools import cache
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from pipeline.errors import ConfigError

_FOLDER = Path(__file__).with_name("lexicon")

T = TypeVar("T")


class Country(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One country. Every list of names is a list of brands or words as they stand in messages."""

    code: str  #: ISO 3166
    weight: float  #: relative share of the messages
    lang: str = "en"  #: language beside English
    local: float = 0.0  #: share 0-1 of messages in that language
    money: tuple[str, ...]  #: ways to write an amount
    typical: float  #: everyday payment in the local currency
    cents: bool = False  #: amounts carry two decimals
    grouping: Literal["comma", "dot", "indian"] = "comma"
    mobile: tuple[str, ...]  #: # is a digit
    hotline: tuple[str, ...]
    tld: tuple[str, ...]
    sender_prefix: tuple[str, ...] = ()
    banks: tuple[str, ...]
    wallets: tuple[str, ...]
    brokers: tuple[str, ...]
    shops: tuple[str, ...]
    couriers: tuple[str, ...]
    food: tuple[str, ...]  #: food delivery and rides
    telcos: tuple[str, ...]
    utilities: tuple[str, ...]
    gov: tuple[str, ...]
    travel: tuple[str, ...]
    retail: tuple[str, ...]
    clinics: tuple[str, ...]
    names: tuple[str, ...]
    cities: tuple[str, ...]
    merchants: tuple[str, ...]  #: as card statements write them
    tolls: tuple[str, ...] = ("toll",)


class World(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is the same everywhere."""

    apps: tuple[str, ...]
    promo_words: tuple[str, ...]
    items: tuple[str, ...]
    shorteners: tuple[str, ...]
    bad_words: tuple[str, ...]
    bad_tlds: tuple[str, ...]
    films: tuple[str, ...]
    documents: tuple[str, ...]


@cache
def countries() -> dict[str, Country]:
    """Every country by its code."""
    found: dict[str, Country] = {}
    for path in sorted(_FOLDER.glob("*.yaml")):
        if path.stem != "world":
            found |= {country.code: country for country in _decode(path, list[Country])}
    return found


@cache
def world() -> World:
    return _decode(_FOLDER / "world.yaml", World)


def _decode(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path.name}: {error}") from error
