"""Wordings, the fields that each kind may use, and why a changed wording is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from peterental.errors import NotFound, Refusal
from peterental.notices.model import Channel, Kind, Language
from peterental.notices.versions import version_of

MAX_TEXT_CHARS = 1_600
"""What Twilio accepts as one message."""

MAX_BODY_CHARS = 4_000
MAX_SUBJECT_CHARS = 200

VIEWING_FIELDS = frozenset({"visitor", "home", "day", "time", "agent", "office", "agent_phone", "link"})
_AGENT_FIELDS = frozenset({"visitor", "home", "day", "time", "agent", "office", "phone", "link"})
_ABOUT_CALLS = frozenset({"visitor", "phone", "day", "time", "agent", "office", "message", "link"})

FIELDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        "booked": VIEWING_FIELDS,
        "moved": VIEWING_FIELDS | {"old_day", "old_time"},
        "changed": VIEWING_FIELDS | {"until"},
        "cancelled": VIEWING_FIELDS,
        "reminder_day": VIEWING_FIELDS | {"confirm"},
        "reminder_hours": VIEWING_FIELDS | {"hours"},
        "no_show": VIEWING_FIELDS,
        "released": VIEWING_FIELDS | {"hours"},
        "waitlist_offer": VIEWING_FIELDS | {"confirm"},
        "agent_booked": _AGENT_FIELDS,
        "agent_moved": _AGENT_FIELDS | {"old_day", "old_time"},
        "agent_changed": _AGENT_FIELDS | {"until"},
        "agent_reassigned": _AGENT_FIELDS,
        "agent_cancelled": _AGENT_FIELDS,
        "agent_released": _AGENT_FIELDS,
        "agent_urgent_message": _ABOUT_CALLS,
        "agent_flagged_call": _ABOUT_CALLS,
        "agent_calendar_trouble": frozenset({"agent", "office", "message", "link"}),
        "agent_morning_list": frozenset({"agent", "office", "day", "message", "link"}),
    }
)
"""The fields of every kind that has a wording. Values are plain text in the recipient's language:

visitor: the visitor's or caller's name; home: the address; day, time: of the viewing, on the home's clock; agent: the
agent's name; office: the name of the office; agent_phone: where visitors reach the agent; phone: where the visitor is
reached; link: the visitor's page of the viewing, or for agents the page in PeteRental; old_day, old_time: before a
move; until: when the viewing ends; confirm: what to reply, empty if there is nothing to confirm; hours: a span of time
such as `2 hours`; message: what a caller said, what is wrong with a calendar, or the morning list.
"""

OPTIONAL_FIELDS = frozenset(
    {"visitor", "agent_phone", "phone", "link", "old_day", "old_time", "confirm", "hours"},
)
"""Fields that may be empty. A wording uses them in square brackets, which are left out as a whole then."""


@dataclass(frozen=True)
class Wording:
    """The text of a kind of notice, with fields in braces and optional parts in square brackets.

    Args:
        body: the text.
        subject: of an e-mail, one line; None for texts.
    """

    body: str
    subject: str | None = None

    @property
    def version(self) -> str:
        """What a form carries to detect edit conflicts: the same for the same wording."""
        return version_of([self.subject, self.body])


@dataclass(frozen=True)
class WordingKey:
    """Which wording."""

    kind: Kind
    channel: Channel
    language: Language

    def __str__(self) -> str:
        """Return its name: `booked/text/en`."""
        return f"{self.kind}/{self.channel}/{self.language}"


@dataclass(frozen=True, kw_only=True)
class StoredWording:
    """A wording as pages show it.

    Args:
        key: which.
        wording: the present one.
        updated_at: when an admin changed it, aware; None for a built-in one.
        updated_by: that admin's e-mail address; None for a built-in one.
    """

    key: WordingKey
    wording: Wording
    updated_at: datetime | None = None
    updated_by: str | None = None

    @property
    def is_changed(self) -> bool:
        """Whether it replaces the built-in wording."""
        return self.updated_by is not None


class WordingChanged(Refusal):
    """Another admin changed this wording after you opened it, so nothing was saved."""

    def __init__(self, stored: StoredWording) -> None:
        self.stored = stored
        """The wording as it is now."""
        super().__init__()


class WordingUnknown(NotFound):
    """There is no such wording."""


class WordingRefused(Refusal):
    """The wording cannot be used."""

    at = "body"
    """The field of the form."""


class FieldUnknown(WordingRefused):
    """There is no field {name} in this wording. Use {known}."""


class BraceAlone(WordingRefused):
    """A brace has no partner near “{near}”. A field is a name between two braces, such as {{home}}."""


class BracketAlone(WordingRefused):
    """A square bracket has no partner near “{near}”. An optional part is between two, without others in it."""


class BracketNeedsField(WordingRefused):
    """“{near}” is in square brackets, but always has a value. Remove the brackets, or add a field that may be empty."""


class FieldMayBeEmpty(WordingRefused):
    """{name} may be empty. Put it and the words around it in square brackets, such as [{example}]."""


class WordingEmpty(WordingRefused):
    """Enter the text."""


class WordingTooLong(WordingRefused):
    """The text is too long: at most {most} characters."""


class OfficeMissing(WordingRefused):
    """A text message has to say who writes. Use {{office}}."""


class StopWordAsked(WordingRefused):
    """“{words}” asks for a word by which phone companies stop all texts. Ask for another word."""


class SubjectMissing(WordingRefused):
    """Enter the subject."""

    at = "subject"


class SubjectRefused(WordingRefused):
    """Subject: {reason}."""

    at = "subject"
