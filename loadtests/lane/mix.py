"""What is sent: messages of the grammar, so many of them one-time passwords, none twice."""

import random
import re
import unicodedata
from collections import deque
from collections.abc import Iterable

from loadtests.messages import Messages
from training.examples import Example

OTPS = 0.3  #: share of one-time passwords
_TEXTS = 30_000
_BETWEEN = re.compile(r"(?<=\d)[\s.\-·]+(?=\d)")  #: what a code may be spelt with
_CODE = re.compile(r"\d{3,}")  #: no code has fewer digits; words like "2FA" or "3D Secure" have


class Mix:
    """Draws messages; equal seeds draw equal ones."""

    def __init__(self, seed: int, texts: int = _TEXTS) -> None:
        self._messages = Messages(texts, seed)
        self._dice = random.Random(seed)
        self._drawn: set[tuple[str, str]] = set()
        self._stock: dict[bool, deque[Example]] = {True: deque(), False: deque()}

    def draw(self, count: int, otps: float = OTPS) -> list[Example]:
        """That many messages, of which a share of `otps` are one-time passwords, in random order."""
        kinds = [index < round(count * otps) for index in range(count)]
        self._dice.shuffle(kinds)
        return [self.next(is_otp=kind) for kind in kinds]

    def next(self, *, is_otp: bool) -> Example:
        """One that was not drawn before."""
        stock = self._stock[is_otp]
        while not stock:
            self._stock_up(self._messages.next())
        return stock.popleft()

    def _stock_up(self, example: Example) -> None:
        """Once the texts are used up they come again with other digits; those without digits are no new ones."""
        identity = example.sender, example.text
        if identity not in self._drawn:
            self._drawn.add(identity)
            self._stock[bool(example.otp)].append(example)


def with_codes(messages: Iterable[str]) -> int:
    """How many of what left the house still hold what may be a code, or a part of one: three digits in a row."""
    return sum(bool(_CODE.search(_BETWEEN.sub("", _plain(message)))) for message in messages)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text)
