"""The rule file: its types, and the checks that types cannot express. Every complaint names file, line and symbol."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
import re2

from pipeline.errors import ConfigError
from pipeline.links import canonical_host
from pipeline.senders import SenderKind, canonical_address
from pipeline.yamlfile import Document

Symbol = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=64)]
Score = Annotated[float, msgspec.Meta(ge=-5.0, le=5.0)]
Filled = Annotated[str, msgspec.Meta(min_length=1)]
Category = Literal["P", "S", "T", "G"]
Patterns = Filled | tuple[Filled, ...]  #: of RE2, ignoring case; any of them is enough

ALLOW_SENDER, ALLOW_DOMAIN = "ALLOW_LIST_SENDER", "ALLOW_LIST_DOMAIN"
DENY_SENDER, DENY_DOMAIN = "DENY_LIST_SENDER", "DENY_LIST_DOMAIN"
REPUTATION = "SENDER_REPUTATION"
#: Symbols that the engine itself gives.
RESERVED = frozenset({ALLOW_SENDER, ALLOW_DOMAIN, DENY_SENDER, DENY_DOMAIN, REPUTATION})


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all parts of the file."""


class Rule(Strict, frozen=True, kw_only=True):
    """A named reason. All conditions that are given must hold."""

    symbol: Symbol
    target: Literal["spam", "phishing"]
    score: Score  #: log-odds
    describe: Filled
    text: Patterns = ()  #: occurs in the canonical text
    also: Patterns = ()  #: occurs there as well, before or after
    unless: Patterns = ()  #: does not occur there
    link: Literal["any", "none", "known", "unknown"] | None = None  #: "known": all links are known or allowed
    domain: tuple[Filled, ...] = ()  #: a link leads to one of these or below it
    host: Patterns = ()  #: occurs in the host of a link
    sender: Patterns = ()  #: occurs in the canonical sender
    sender_kind: tuple[SenderKind, ...] = ()
    sender_category: tuple[Category, ...] = ()  #: of an Indian DLT header
    obfuscated: bool | None = None  #: the text as sent hid its wording

    @property
    def conditional(self) -> bool:
        patterns = (self.text, self.also, self.unless, self.host, self.sender)
        return self.obfuscated is not None or any(
            (*patterns, self.link, self.domain, self.sender_kind, self.sender_category)
        )


def any_of(patterns: Patterns) -> tuple[str, ...]:
    """One or several patterns as several."""
    return (patterns,) if isinstance(patterns, str) else patterns


class Entries(Strict, frozen=True, kw_only=True):
    senders: tuple[Filled, ...] = ()  #: any spelling; a bare DLT header stands for all its prefixes
    domains: tuple[Filled, ...] = ()  #: with all that is below them


class Known(Strict, frozen=True, kw_only=True):
    domains: tuple[Filled, ...] = ()


class Lists(Strict, frozen=True, kw_only=True):
    allow: Entries = Entries()
    deny: Entries = Entries()
    known: Known = Known()  #: honest, but not above suspicion: decides nothing


class RuleFile(Strict, frozen=True, kw_only=True):
    version: Filled
    symbols: tuple[Rule, ...] = ()
    lists: Lists = Lists()


def load_rule_file(text: str, name: str) -> RuleFile:
    """Rules of a YAML text.

    Raises:
        ConfigError: names the file, the line, the symbol or key, and what is wrong.
    """
    document = Document(text, name)
    rules = document.decode(RuleFile)
    for error in (*_rule_errors(rules, document), *_list_errors(rules.lists, document)):
        raise error
    return rules


def _rule_errors(rules: RuleFile, document: Document) -> Iterator[ConfigError]:
    seen: set[str] = set()
    for index, rule in enumerate(rules.symbols):
        place = f"$.symbols[{index}]"
        if rule.symbol in seen or rule.symbol in RESERVED:
            yield document.error(f"{place}.symbol", f"{rule.symbol} is taken")
        seen.add(rule.symbol)
        if not rule.conditional:
            yield document.error(place, f"{rule.symbol} has no condition")
        for key in ("text", "also", "unless", "host", "sender"):
            yield from _pattern_errors(getattr(rule, key), document, f"{place}.{key}", rule.symbol)
        for number, entry in enumerate(rule.domain):
            if not _is_domain(entry):
                yield document.error(f"{place}.domain[{number}]", f"{rule.symbol}: not a domain in lower case")


def _list_errors(lists: Lists, document: Document) -> Iterator[ConfigError]:
    for title in ("allow", "deny", "known"):
        for number, entry in enumerate(getattr(lists, title).domains):
            if not _is_domain(entry):
                yield document.error(f"$.lists.{title}.domains[{number}]", "not a domain in lower case")
    denied = {*lists.deny.domains, *map(canonical_address, lists.deny.senders)}
    for kind in ("senders", "domains"):
        for number, entry in enumerate(getattr(lists.allow, kind)):
            if entry in denied or canonical_address(entry) in denied:
                yield document.error(f"$.lists.allow.{kind}[{number}]", "stands on the deny list as well")


def _pattern_errors(patterns: Patterns, document: Document, place: str, symbol: str) -> Iterator[ConfigError]:
    for number, pattern in enumerate(any_of(patterns)):
        try:
            re2.compile(pattern, _options())
        except re2.error as error:
            reason = error.args[0]
            words = reason.decode() if isinstance(reason, bytes) else reason
            at = place if isinstance(patterns, str) else f"{place}[{number}]"
            yield document.error(at, f"{symbol}: not a pattern of RE2: {words}")


def _is_domain(entry: str) -> bool:
    return "." in entry and canonical_host(entry) == entry


def _options() -> re2.Options:
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    return options
