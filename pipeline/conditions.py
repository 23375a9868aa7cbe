"""The conditions of rules, compiled, and the facts of a message that they are held against."""

from collections.abc import Iterable, Sequence

import msgspec
import re2

from pipeline.errors import ConfigError
from pipeline.heuristics import PatternSet
from pipeline.links import belongs_to
from pipeline.rulefile import Rule, any_of
from pipeline.senders import Sender
from pipeline.types import RuleHit


class Facts(msgspec.Struct, frozen=True, gc=False):
    """What the conditions of rules speak of, worked out once a message."""

    texts: set[str]  #: patterns that occur in the text
    senders: set[str]  #: patterns that occur in the sender
    hosts: set[str]  #: patterns that occur in a host
    links: list[str]  #: hosts of the links
    has_unknown_link: bool
    sender: Sender
    obfuscated: bool


_ALWAYS = ""  # the pattern that every text matches


class PatternGroup:
    """All patterns of one kind, matched in one linear pass.

    Raises:
        ConfigError: together they need more memory than RE2 may take; it would then find nothing, and not say so.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = [*dict.fromkeys(patterns), _ALWAYS]
        try:
            self._set = PatternSet(self._patterns)
            works = bool(self._set.matches("probe"))
        except re2.error:
            works = False
        if not works:
            raise ConfigError(f"{len(self._patterns) - 1} patterns are too large together")

    def occurring(self, text: str) -> set[str]:
        if not text or len(self._patterns) == 1:
            return set()
        return {self._patterns[index] for index in self._set.matches(text)}


class Condition:
    """A rule with its conditions as sets."""

    def __init__(self, rule: Rule) -> None:
        self.hit = RuleHit(rule.symbol, rule.score, rule.describe, rule.target)
        self.texts = frozenset(any_of(rule.text))
        self.also = frozenset(any_of(rule.also))
        self.unless = frozenset(any_of(rule.unless))
        self.hosts = frozenset(any_of(rule.host))
        self.senders = frozenset(any_of(rule.sender))
        self._domains = frozenset(rule.domain)
        self._kinds = frozenset(rule.sender_kind)
        self._categories = frozenset(rule.sender_category)
        self._link = rule.link
        self._obfuscated = rule.obfuscated

    def holds(self, facts: Facts) -> bool:
        """Whether all conditions hold; the rarest come first."""
        return (
            (not self.texts or not self.texts.isdisjoint(facts.texts))
            and (not self.hosts or not self.hosts.isdisjoint(facts.hosts))
            and (not self.senders or not self.senders.isdisjoint(facts.senders))
            and (not self._kinds or facts.sender.kind in self._kinds)
            and (not self._categories or facts.sender.category in self._categories)
            and (self._obfuscated is None or self._obfuscated is facts.obfuscated)
            and (not self._domains or any(belongs_to(host, self._domains) for host in facts.links))
            and (not self.also or not self.also.isdisjoint(facts.texts))
            and self.unless.isdisjoint(facts.texts)
            and self._link_holds(facts)
        )

    def _link_holds(self, facts: Facts) -> bool:
        match self._link:
            case "any":
                return bool(facts.links)
            case "none":
                return not facts.links
            case "known":
                return bool(facts.links) and not facts.has_unknown_link
            case "unknown":
                return facts.has_unknown_link
        return True


def triggers(rules: Sequence[Condition]) -> tuple[list[int], dict[str, list[int]]]:
    """Which rules every message must try, and which only those where a pattern was found."""
    always: list[int] = []
    triggered: dict[str, list[int]] = {}
    for index, rule in enumerate(rules):
        patterns = rule.texts or rule.hosts or rule.senders
        for pattern in patterns:
            triggered.setdefault(pattern, []).append(index)
        if not patterns:
            always.append(index)
    return always, triggered
