"""The notation of the grammar files, and how a pattern becomes a message.

    [a|b|]          one of the alternatives, one of them empty here
    {name}          a slot or a fragment; a slot keeps its value within a message, {amount2} is another amount
    <<a ;; b ;; c>> the parts in any order
    \\n             a line break; \\[ \\] \\| are those very characters

A file holds blocks. `%rule kind key=value …` and `%fragment name` open one; each further line is one pattern.
"""

import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec

from pipeline.errors import ConfigError

Lookup = Callable[[str], str]
Node = str | tuple[str, tuple["Node", ...]]  #: literal text, or (operator, parts)

_TOKEN = re.compile(r"\\[\[\]|]|<<|>>|;;|[\[\]|]|\{[a-z_0-9]+\}")
_SLOT = re.compile(r"\{[a-z_0-9]+\}")
_CLOSES = {"[": ("]", "|", "one"), "<<": (">>", ";;", "any_order")}
_SPACE_BEFORE = re.compile(r" +([.,;!?)](?:\s|$))")
_DOUBLE_STOP = re.compile(r"(?<!\.)([.!?,:;])\.(?!\.)")
_SPACES = re.compile(r"[ \t]{2,}")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One block of patterns that share labels, sender and reach."""

    kind: str
    label: str = "ham"  #: a key of `labels.LABELS`
    intent: str = "NOT_OTP"  #: one of pipeline.types.INTENTS; "none" leaves it unlabelled
    sender: str = "brand"  #: a key of `senders.SENDERS`
    alias: dict[str, str] = {}  #: slot or fragment names that stand for others here: brand=bank,wallet
    lang: str = "en"
    country: str = ""  #: comma-separated codes, "" for all; "-IN,PK" for all but these
    weight: float = 1.0
    patterns: tuple[str, ...] = ()
    family: str = ""  #: folder of the file that it stands in

    def reaches(self, country: str) -> bool:
        """Whether messages of this rule are sent in that country."""
        listed = country in self.country.lstrip("-").split(",")
        return not self.country or listed != self.country.startswith("-")


_HEADER = ("label", "intent", "sender", "lang", "country", "weight")


class Grammar(msgspec.Struct, frozen=True):
    rules: tuple[Rule, ...]
    fragments: dict[str, tuple[str, ...]]


def read(path: Path) -> Grammar:
    """Parse a grammar file.

    Raises:
        ConfigError: a header or pattern is malformed; names the file and the line.
    """
    rules: list[Rule] = []
    fragments: dict[str, tuple[str, ...]] = {}
    for number, header, patterns in _blocks(path):
        what, _, rest = header.partition(" ")
        try:
            for pattern in patterns:
                parse(pattern)
            if what == "%fragment":
                fragments[rest.strip()] = tuple(patterns)
            else:
                rules.append(_rule(rest.split(), tuple(patterns), path.parent.name))
        except (ValueError, msgspec.ValidationError) as error:
            raise ConfigError(f"{path.name}, block at line {number}: {error}") from error
    return Grammar(tuple(rules), fragments)


def expand(pattern: str, lookup: Lookup, rng: random.Random) -> str:
    """A message from a pattern. `lookup` gives the text of a slot or fragment."""
    text = _render(parse(pattern), lookup, rng)
    text = _SPACE_BEFORE.sub(r"\1", _SPACES.sub(" ", text))
    return _DOUBLE_STOP.sub(r"\1", text).replace("\\n", "\n").strip()


@cache
def parse(pattern: str) -> Node:
    """The tree of a pattern.

    Raises:
        ValueError: brackets do not match.
    """
    tokens: list[str] = []
    end = 0
    for match in _TOKEN.finditer(pattern):
        tokens += [pattern[end : match.start()], match.group()]
        end = match.end()
    node, rest = _sequence([*tokens, pattern[end:]], 0, ())
    if rest <= len(tokens):
        raise ValueError(f"brackets do not match in {pattern!r}")
    return node


def _sequence(tokens: list[str], at: int, stops: tuple[str, ...]) -> tuple[Node, int]:
    parts: list[Node] = []
    while at < len(tokens) and tokens[at] not in stops:
        token = tokens[at]
        if token in _CLOSES:
            node, at = _group(tokens, at)
            parts.append(node)
        elif token in ("]", ">>"):
            break
        elif _SLOT.fullmatch(token):
            parts.append(("slot", (token[1:-1],)))
        elif token:
            parts.append(token.removeprefix("\\") if len(token) == 2 and token[1] in "[]|" else token)
        at += 1
    return ("all", tuple(parts)), at


def _group(tokens: list[str], at: int) -> tuple[Node, int]:
    close, divider, operator = _CLOSES[tokens[at]]
    parts: list[Node] = []
    while True:
        node, at = _sequence(tokens, at + 1, (close, divider))
        parts.append(node)
        if at >= len(tokens) or tokens[at] not in (close, divider):
            raise ValueError(f"no {close} for an opening bracket")
        if tokens[at] == close:
            return (operator, tuple(parts)), at


def _render(node: Node, lookup: Lookup, rng: random.Random) -> str:
    if isinstance(node, str):
        return node
    operator, parts = node
    if operator == "slot":
        return lookup(str(parts[0]))
    if operator == "one":
        return _render(rng.choice(parts), lookup, rng)
    if operator == "any_order":
        return " ".join(_render(part, lookup, rng).strip() for part in rng.sample(parts, len(parts)))
    return "".join(_render(part, lookup, rng) for part in parts)


def _rule(words: list[str], patterns: tuple[str, ...], family: str) -> Rule:
    """Keys that are no field of Rule are aliases."""
    keys = dict(word.split("=", 1) for word in words[1:])
    fields: dict[str, object] = {key: keys.pop(key) for key in _HEADER if key in keys}
    fields |= {"kind": words[0], "alias": keys, "patterns": patterns, "family": family}
    return msgspec.convert(fields, Rule, strict=False)


def _blocks(path: Path) -> Iterator[tuple[int, str, list[str]]]:
    """(line number, header, patterns) of each block."""
    header, start = "", 0
    patterns: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("# "):
            continue
        if line.startswith(("%rule ", "%fragment ")):
            if header:
                yield start, header, patterns
            header, start, patterns = line, number, []
        elif header:
            patterns.append(line.strip())
        else:
            raise ConfigError(f"{path.name}, line {number}: a pattern before any block")
    if header:
        yield start, header, patterns
