"""Whether all that the grammar names exists: a misspelt name is refused at load, not met in the thousandth message."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from pipeline.errors import ConfigError
from training.synthetic.notation import Grammar, Rule

_NAMED = re.compile(r"\{([^{}]*)\}")  # wider than the notation's own {name}, so that {Name} is refused as well
_NUMBER = re.compile(r"\d+$")
_BRAND = "brand"  #: an alias that every scene has; senders and links ask for it, so it stands for slots alone


def check_names(files: Mapping[str, Grammar], slots: Collection[str]) -> None:
    """See that patterns and aliases name a slot, a fragment or an alias that their rule has.

    Args:
        files: file name to what it holds.
        slots: names of slots; {amount2} counts as amount.

    Raises:
        ConfigError: names do not exist; lists each with its file and its rule or fragment.
    """
    known = _Known(
        slots=frozenset(slots),
        fragments={name: patterns for part in files.values() for name, patterns in part.fragments.items()},
        aliases=frozenset({_BRAND}.union(*(rule.alias for part in files.values() for rule in part.rules))),
    )
    wrong = [f"{file}: {problem}" for file, part in files.items() for problem in known.problems(part)]
    if wrong:
        raise ConfigError("\n".join(dict.fromkeys(wrong)))


class _Known(msgspec.Struct, frozen=True):
    """What all files together define."""

    slots: frozenset[str]
    fragments: dict[str, tuple[str, ...]]
    aliases: frozenset[str]  #: of any rule

    def problems(self, part: Grammar) -> Iterator[str]:
        """What is wrong in one file."""
        for fragment, patterns in part.fragments.items():
            for name in _named(patterns):
                if not self.defines(name) and name not in self.aliases:
                    yield f"fragment {fragment} names {{{name}}}, which is no slot, fragment or alias"
        for rule in part.rules:
            yield from (f"rule {rule.kind} {problem}" for problem in (*self.unknown(rule), *self.misled(rule)))

    def defines(self, name: str) -> bool:
        return name in self.fragments or name in self.slots or _NUMBER.sub("", name) in self.slots

    def unknown(self, rule: Rule) -> Iterator[str]:
        """Names that messages of the rule may ask for in vain. Of those in fragments only the aliases of other
        rules: a name that nobody has is the fragment's own fault."""
        for name, fragment in self.reached(rule):
            if not self.defines(name) and name not in {*rule.alias, _BRAND}:
                if not fragment:
                    yield f"names {{{name}}}, which is no slot, fragment or alias"
                elif name in self.aliases:
                    yield f"uses fragment {fragment}, which needs an alias {name}=..."

    def reached(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """(name, the fragment that names it or "" for the rule itself), through all fragments, each name once."""
        waiting = [(name, "") for name in _named(rule.patterns)]
        seen: set[str] = set()
        while waiting:
            name, inside = waiting.pop()
            if name not in seen:
                seen.add(name)
                yield name, inside
                targets = [name] if name in self.fragments else rule.alias.get(name, "").split(",")
                waiting += [(inner, target) for target in targets for inner in _named(self.fragments.get(target, ()))]

    def misled(self, rule: Rule) -> Iterator[str]:
        """Aliases for what does not exist, or for fragments where a slot is needed."""
        for alias, value in rule.alias.items():
            targets = value.split(",")
            worded = [target for target in targets if target in self.fragments]
            if worded and (alias == _BRAND or len(worded) < len(targets)):
                yield f"has {alias}={value}: {worded[0]} is a fragment, where slots alone may stand"
            yield from (
                f"has {alias}={value}: {target} is no slot or fragment"
                for target in targets
                if not self.defines(target)
            )


def _named(patterns: Iterable[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from _NAMED.findall(pattern)
