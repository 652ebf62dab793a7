"""The grammar's engine: a cascade of small rules, each of which joins neighboring tokens into one.

A rule is a pattern over token kinds and a function that makes the value of the joined token:

    @rules.rule("TIME", "AT? h=NUM OCLOCK? mer=MER")
    def _clock_with_meridiem(found: Match) -> Clock | None: ...

Patterns are written in kinds, with the operators of regular expressions: `?`, `|`, `( )`; `name=` captures. Rules run
in the order in which they are written, each over the whole phrase, so a later rule sees what earlier ones have made.
A function that returns None declines, and the tokens stay; one that returns a list replaces them by its tokens. Work
is linear: rules times tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from peterental.appointments.date_parsing.tokens import Token

_FIRST_SYMBOL = 0xE000
_ELEMENT = re.compile(
    r"(?:(?P<name>[a-z]\w*)=)?(?P<kind>[A-Z][A-Z_]*)|(?P<group>[a-z]\w*=\()|(?P<operator>[()|?*+])|\s+"
)

_symbols: dict[str, str] = {}


def symbol(kind: str) -> str:
    """Return the one character that stands for a kind in patterns."""
    return _symbols.setdefault(kind, chr(_FIRST_SYMBOL + len(_symbols)))


class RuleMatch:
    """What a rule's pattern found: its captured tokens by name."""

    def __init__(self, match: re.Match[str], tokens: list[Token]) -> None:
        self._match = match
        self._tokens = tokens
        self.names = match.re.groupindex
        self.first = tokens[match.start()]
        self.before = tokens[match.start() - 1] if match.start() else None
        self.after = tokens[match.end()] if match.end() < len(tokens) else None

    def contains(self, kind: str) -> bool:
        """Return whether any of the joined tokens is of a kind."""
        return symbol(kind) in self._match[0]

    def pattern_ends_with(self, kind: str) -> bool:
        """Return whether the last of the joined tokens is of a kind."""
        return self._match[0].endswith(symbol(kind))

    def has(self, name: str) -> bool:
        """Return whether an optional capture took part."""
        return self._match.start(name) >= 0

    def token(self, name: str) -> Token:
        """Return the captured token."""
        return self._tokens[self._match.start(name)]

    def number(self, name: str, default: int = 0) -> int:
        """Return the captured number; `default` where the capture took no part."""
        value = self.token(name).value if self.has(name) else default
        return value if isinstance(value, int) else default

    def word(self, name: str, default: str = "") -> str:
        """Return the captured word; `default` where the capture took no part."""
        value = self.token(name).value if self.has(name) else default
        return value if isinstance(value, str) else default

    def value(self, name: str) -> object:
        """Return the captured token's value; None where the capture took no part."""
        return self.token(name).value if self.has(name) else None


@dataclass(frozen=True)
class GrammarRule:
    """One rule: its name, what it makes, what it matches, and how the value is made.

    `needs` is the symbol of a kind that every match has: without it the pattern need not be searched for.
    """

    name: str
    makes: str
    pattern: re.Pattern[str]
    needs: str
    build: Callable[[RuleMatch], object]


@dataclass(frozen=True)
class GrammarStep:
    """One application of a rule, for the explanation: what was joined, into what."""

    rule: str
    text: str
    kind: str
    value: object


@dataclass
class RuleSet:
    """Rules in the order in which they run."""

    rules: list[GrammarRule] = field(default_factory=list)

    def rule(
        self, makes: str, *patterns: str
    ) -> Callable[[Callable[[RuleMatch], object]], Callable[[RuleMatch], object]]:
        """Register a function for one or more patterns.

        Args:
            makes: the kind of the joined token.
            patterns: what it joins; tried in order.
        """

        def register(build: Callable[[RuleMatch], object]) -> Callable[[RuleMatch], object]:
            name = build.__name__.strip("_").replace("_", " ")
            self.rules += [
                GrammarRule(name, makes, _compiled(pattern), _needed(pattern), build) for pattern in patterns
            ]
            return build

        return register

    def apply(self, tokens: list[Token], steps: list[GrammarStep] | None = None) -> list[Token]:
        """Return the tokens after every rule has run; `steps` collects what was done."""
        kinds = kinds_of(tokens)
        for rule in self.rules:
            if rule.needs in kinds and rule.pattern.search(kinds):
                tokens = _applied(rule, kinds, tokens, steps)
                kinds = kinds_of(tokens)
        return tokens


def _compiled(pattern: str) -> re.Pattern[str]:
    parts: list[str] = []
    for element in _ELEMENT.finditer(pattern):
        if element["kind"]:
            char = symbol(element["kind"])
            parts.append(f"(?P<{element['name']}>{char})" if element["name"] else char)
        elif element["group"]:
            parts.append(f"(?P<{element['group'][:-2]}>")
        elif element["operator"]:
            parts.append("(?:" if element["operator"] == "(" else element["operator"])
    return re.compile("".join(parts))


_COMMON = frozenset(("NUM", "DAY", "TIME", "UNIT", "WDAY", "AT"))


def _needed(pattern: str) -> str:
    """Return the symbol of a kind that a pattern cannot do without, a rare one if possible; empty where it has none."""
    if "|" in re.sub(r"\([^()]*\)", "", pattern):
        return ""  # alternatives of the whole pattern
    needed: list[str] = []
    depth = 0
    elements = [element for element in _ELEMENT.finditer(pattern) if element[0].strip()]
    for element, following in pairwise([*elements, None]):
        if element is None:
            continue
        depth += (element["operator"] == "(" or bool(element["group"])) - (element["operator"] == ")")
        is_optional = following is not None and following["operator"] in {"?", "*", "|"}
        if element["kind"] and not depth and not is_optional:
            needed.append(element["kind"])
    rare = [kind for kind in needed if kind not in _COMMON]
    return symbol((rare or needed)[0]) if needed else ""


def kinds_of(tokens: list[Token]) -> str:
    """Return the kinds of tokens as one string, a character each."""
    return "".join([symbol(token.kind) for token in tokens])


def _next_beyond(pattern: re.Pattern[str], kinds: str, declined: re.Match[str]) -> re.Match[str] | None:
    """Return the next match that ends behind a declined one: in "three, three thirty" the second three begins it.

    A part of what was declined stays declined.
    """
    match = pattern.search(kinds, declined.start() + 1)
    while match is not None and match.end() <= declined.end():
        match = pattern.search(kinds, match.start() + 1)
    return match


def _applied(rule: GrammarRule, kinds: str, tokens: list[Token], steps: list[GrammarStep] | None) -> list[Token]:
    joined: list[Token] = []
    done = 0
    match = rule.pattern.search(kinds)
    while match is not None:
        value = rule.build(RuleMatch(match, tokens))
        if value is None:
            match = _next_beyond(rule.pattern, kinds, match)
            continue
        text = " ".join(token.text for token in tokens[match.start() : match.end()])
        joined += tokens[done : match.start()]
        joined += value if isinstance(value, list) else [Token(rule.makes, value, text)]
        done = match.end()
        if steps is not None:
            steps.append(GrammarStep(rule.name, text, rule.makes, value))
        match = rule.pattern.search(kinds, done)
    return joined + tokens[done:]
