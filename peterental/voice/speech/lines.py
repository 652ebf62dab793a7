"""Which sentences a language has: those that depend on nothing, and the kinds of those about homes and closed days."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class HomeLine(Enum):
    """The sentences about which home is meant; `{place}` and `{choices}` are filled in."""

    UNIT = "several units of one house"
    BEDROOMS = "several homes that only their bedrooms tell apart"
    CITY = "one address in several cities"
    CHOICE = "several homes"
    MISHEARD = "homes that may be meant, if one was misheard"
    WHICH_UNIT = "more units of one house than can be named"
    WHICH_NUMBER = "more homes of one street than can be named"
    WHICH_ADDRESS = "more homes than can be named"
    UNKNOWN = "a home that the catalogue does not have"
    RETIRED = "a home that is no longer offered"
    COLLEAGUE = "a home that another agent shows"


class ClosedLine(Enum):
    """The sentences about days and times without viewings.

    `{when}` and `{name}` or `{agent}` are filled in; `{comma}` is a comma where `{when}` has one inside.
    """

    NAMED = "the office is closed, with the name of the closure"
    OFFICE = "the office is closed"
    AGENT = "the agent is not available"
    TEAM = "none of the line's agents is available"


class HomesLine(Enum):
    """The sentences about which homes there are; `{homes}` and `{more}`, a number, are filled in."""

    FOUND = "all that fit"
    MORE = "some of those that fit"
    NEAREST = "none fits, but others are near"
    NONE = "there are no homes to name"


@dataclass(frozen=True)
class FixedLines:
    """The sentences of a language that depend on nothing.

    Args:
        apology: the answer after a fault. It offers a call back; nothing has been recorded.
        unknown_tool: the answer to a tool that does not exist.
        no_person: the answer to a transfer where the agent has no number to transfer to.
        no_handoff: the answer to a hand-off to another assistant: an agent has one.
        no_assistant: what a caller hears where no active agent has the phone number.
    """

    apology: str
    unknown_tool: str
    no_person: str
    no_handoff: str
    no_assistant: str
