"""One message in the making: where it happens, and the values it has settled on."""

import random
import re
from collections.abc import Callable, Sequence

from training.synthetic.lexicon import Country, World, world
from training.synthetic.split import Part, pick

Slot = Callable[["Scene"], str]

_NUMBERED = re.compile(r"\d+$")


class Scene:
    """Fills slots. A value stays the same within a message; {amount2} is a second, other amount.

    `alias` gives some names another meaning here: {"brand": "bank,wallet"}.
    """

    def __init__(
        self, country: Country, part: Part, rng: random.Random, slots: dict[str, Slot], alias: dict[str, str]
    ) -> None:
        self.country = country
        self.world: World = world()
        self.part: Part = part
        self.rng = rng
        self._slots = slots
        self._alias = {"brand": "app"} | alias
        self._values: dict[str, str] = {}

    def value(self, name: str) -> str:
        """The text of a slot.

        Raises:
            KeyError: there is no such slot.
        """
        if name not in self._values:
            target = self.resolve(name)
            self._values[name] = self._fresh(name) if target == name else self.value(target)
        return self._values[name]

    def _fresh(self, name: str) -> str:
        """A new value; a numbered slot tries to differ from the plain one: {city} and {city2}."""
        plain = _NUMBERED.sub("", name)
        slot = self._slots.get(name) or self._slots[plain]
        text = slot(self)
        if plain != name and text == self._values.get(plain):
            text = slot(self)
        return text

    def resolve(self, name: str) -> str:
        """What an alias stands for in this message, or the name itself."""
        return self.rng.choice(self._alias[name].split(",")) if name in self._alias else name

    def pick(self, options: Sequence[str]) -> str:
        """One of the options that this split may use."""
        return pick(options, self.part, self.rng)

    def digits(self, template: str) -> str:
        """The template with every # replaced by a digit; the first one is never 0."""
        out, first = [], True
        for char in template:
            if char == "#":
                out.append(str(self.rng.randint(1, 9) if first else self.rng.randint(0, 9)))
                first = False
            else:
                out.append(char)
        return "".join(out)

    def chars(self, alphabet: str, count: int) -> str:
        return "".join(self.rng.choice(alphabet) for _ in range(count))
