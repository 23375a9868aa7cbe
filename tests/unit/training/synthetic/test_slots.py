import random

import pytest

from training.synthetic.lexicon import countries
from training.synthetic.links import brand_link, look_alike, slug
from training.synthetic.scene import Scene
from training.synthetic.senders import SENDERS
from training.synthetic.slots import SLOTS, group_digits
from training.synthetic.split import is_held, usable


def scene(country: str = "GB", seed: int = 0, **alias: str) -> Scene:
    return Scene(countries()[country], "train", random.Random(seed), SLOTS, alias)


@pytest.mark.parametrize(
    ("value", "how", "text"),
    [
        (1234567, "comma", "1,234,567"),
        (1234567, "dot", "1.234.567"),
        (1234567, "indian", "12,34,567"),
        (100000, "indian", "1,00,000"),
        (99999, "indian", "99,999"),
        (12, "comma", "12"),
    ],
)
def test_digits_are_grouped_as_countries_do(value: int, how: str, text: str) -> None:
    assert group_digits(value, how) == text


def test_values_stay_and_numbered_ones_differ() -> None:
    here = scene(brand="bank,wallet")
    assert here.value("code") == here.value("code")
    assert here.value("brand") in (*here.country.banks, *here.country.wallets)
    assert len({scene(seed=s).value("city") == scene(seed=s).value("city2") for s in range(5)}) <= 2
    with pytest.raises(KeyError):
        here.value("nonsense")


@pytest.mark.parametrize("country", sorted(countries()))
def test_every_slot_and_sender_works_everywhere(country: str) -> None:
    here = scene(country)
    for name in SLOTS:
        assert here.value(name), name
    for sender in SENDERS.values():
        assert "#" not in sender(scene(country))


def test_look_alikes_are_not_the_brand_itself() -> None:
    for seed in range(200):
        here = scene(seed=seed)
        domain = look_alike(here, "Royal Mail").removeprefix("https://").removeprefix("http://").removeprefix("www.")
        assert domain.split("/")[0] not in {"royalmail" + tld for tld in here.country.tld}
    assert "royalmail" in brand_link(scene(), "Royal Mail")
    assert slug("Caisse d'Épargne") == "caissedepargne"


def test_held_out_options_are_never_used_by_training() -> None:
    options = tuple(f"brand {i}" for i in range(60))
    held = [option for option in options if is_held(option)]
    assert held
    assert not set(held) & set(usable(options, "train"))
    assert set(usable(options, "heldout")) == set(held)
    assert usable(options[:3], "heldout") == options[:3]
