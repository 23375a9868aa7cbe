"""Named symbols with scores: which rules of a rule file hold for a message, and what its lists say."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import chain

from pipeline.conditions import Condition, Facts, PatternGroup, triggers
from pipeline.errors import ConfigError, describe
from pipeline.links import belongs_to, domains
from pipeline.rulefile import (
    ALLOW_DOMAIN,
    ALLOW_SENDER,
    DENY_DOMAIN,
    DENY_SENDER,
    Entries,
    RuleFile,
    load_rule_file,
)
from pipeline.senders import Sender, canonical_address, classify_sender, identity
from pipeline.types import ListName, RuleHit

log = logging.getLogger(__name__)


class _List:
    """One allow or deny list."""

    def __init__(self, name: ListName, entries: Entries, symbols: tuple[str, str]) -> None:
        self._name = name
        self._senders = frozenset(map(canonical_address, entries.senders))
        self._domains = frozenset(entries.domains)
        self._sender_symbol, self._domain_symbol = symbols

    def sender(self, sender: Sender) -> RuleHit | None:
        for name in (identity(sender), sender.header):
            if name and name in self._senders:
                return RuleHit(self._sender_symbol, 0.0, name, decides=self._name)
        return None

    def any_domain(self, hosts: Sequence[str]) -> RuleHit | None:
        entry = next(filter(None, (belongs_to(host, self._domains) for host in hosts)), None)
        return RuleHit(self._domain_symbol, 0.0, entry, decides=self._name) if entry else None

    def all_domains(self, hosts: Sequence[str]) -> RuleHit | None:
        """One honest link beside a strange one vouches for nothing."""
        entries = [belongs_to(host, self._domains) for host in hosts]
        if not entries or entries[0] is None or None in entries:
            return None
        return RuleHit(self._domain_symbol, 0.0, entries[0], decides=self._name)


class RuleBook:
    """The rules of one file, compiled."""

    def __init__(self, rules: RuleFile, version: str) -> None:
        self.version = version
        self._rules = [Condition(rule) for rule in rules.symbols]
        self._always, self._triggered = triggers(self._rules)
        self._texts = PatternGroup(
            pattern for rule in self._rules for pattern in (*rule.texts, *rule.also, *rule.unless)
        )
        self._senders = PatternGroup(pattern for rule in self._rules for pattern in rule.senders)
        self._hosts = PatternGroup(pattern for rule in self._rules for pattern in rule.hosts)
        self._allow = _List("allow", rules.lists.allow, (ALLOW_SENDER, ALLOW_DOMAIN))
        self._deny = _List("deny", rules.lists.deny, (DENY_SENDER, DENY_DOMAIN))
        self._known = frozenset((*rules.lists.known.domains, *rules.lists.allow.domains))

    @classmethod
    def load(cls, text: str, name: str) -> "RuleBook":
        """Compile the text of a rule file.

        Args:
            text: YAML.
            name: how complaints call the file.

        Raises:
            ConfigError: names the file, the line, the symbol and what is wrong.
        """
        rules = load_rule_file(text, name)
        digest = blake2b(text.encode(), digest_size=4).hexdigest()
        try:
            return cls(rules, f"{rules.version}+{digest}")
        except ConfigError as error:
            raise ConfigError(f"{name}: {error.detail}") from None

    def check(
        self, text: str, sender: str, reputation: RuleHit | None = None, *, obfuscated: bool = False
    ) -> tuple[RuleHit, ...]:
        """What the rules and the lists say of a message, lists first.

        Args:
            text: canonical.
            sender: canonical, "" when unknown.
            reputation: what `pipeline.reputation` makes of earlier reports.
            obfuscated: the text as sent hid its wording.
        """
        facts = self._facts(text, sender, obfuscated)
        hits = [*self._lists(facts)]
        hits.extend(rule.hit for rule in self._candidates(facts) if rule.holds(facts))
        if reputation is not None:
            hits.append(reputation)
        return tuple(hits)

    def check_all(
        self,
        texts: Sequence[str],
        senders: Sequence[str],
        reputations: Mapping[str, RuleHit | None],
        obfuscated: Sequence[bool],
    ) -> list[tuple[RuleHit, ...] | None]:
        """`check` for N messages; None where it failed, which is no business of the neighbours.

        Args:
            reputations: by sender; may lack some.
        """
        rows = zip(texts, senders, obfuscated, strict=True)
        return [self._attempt(text, sender, reputations.get(sender), hidden) for text, sender, hidden in rows]

    def _attempt(
        self, text: str, sender: str, reputation: RuleHit | None, obfuscated: bool
    ) -> tuple[RuleHit, ...] | None:
        try:
            return self.check(text, sender, reputation, obfuscated=obfuscated)
        except Exception as error:
            log.warning("rules left out for a message: %s", describe(error))
            return None

    def _facts(self, text: str, sender: str, obfuscated: bool) -> Facts:
        links = domains(text)
        return Facts(
            texts=self._texts.occurring(text),
            senders=self._senders.occurring(sender),
            hosts=set().union(*map(self._hosts.occurring, links)),
            links=links,
            has_unknown_link=any(belongs_to(host, self._known) is None for host in links),
            sender=classify_sender(sender),
            obfuscated=obfuscated,
        )

    def _candidates(self, facts: Facts) -> Iterator[Condition]:
        """Rules that may hold, in the order of the file."""
        found = chain.from_iterable((facts.texts, facts.hosts, facts.senders))
        indices = {index for pattern in found for index in self._triggered.get(pattern, ())}
        for index in sorted(indices.union(self._always)):
            yield self._rules[index]

    def _lists(self, facts: Facts) -> Iterator[RuleHit]:
        # Folding makes honest hosts of look-alike ones: no text that hid its wording is let through for its links.
        allowed = None if facts.obfuscated else self._allow.all_domains(facts.links)
        found = (
            self._deny.sender(facts.sender),
            self._deny.any_domain(facts.links),
            self._allow.sender(facts.sender),
            allowed,
        )
        yield from filter(None, found)
