"""Read the arguments that language models write into typed requests. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.appointments.model import BookingRequest
from peterental.matching import is_placeholder_name, spoken_email, spoken_name
from peterental.messages.model import MessageDraft
from peterental.properties.search import HomeSearch, home_search
from peterental.voice.sanitize import single_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.voice.messages import Envelope

MAX_NAME_CHARS = 255
MAX_ADDRESS_CHARS = 500

_PLACEHOLDERS = frozenset(
    ("null", "none", "undefined", "n/a", "unknown", "not provided", "not given", "not specified", "unspecified")
)
"""Words that models write for an argument they have no value for."""


def booking_request(arguments: Mapping[str, object], envelope: Envelope) -> BookingRequest:
    """Read the arguments of a tool about viewings.

    Missing or mistyped arguments become None; extra ones are ignored.

    Args:
        arguments: as the model wrote them, without control characters.
        envelope: the message, whose history holds the caller's own words.
    """
    return BookingRequest(
        property_address=_text(arguments, "property_address", MAX_ADDRESS_CHARS),
        start_time=arguments.get("start_time"),
        date=_value(arguments, "date"),
        time_of_day=_value(arguments, "time_of_day"),
        attendee_name=_name(arguments),
        attendee_email=spoken_email(_text(arguments, "attendee_email", MAX_NAME_CHARS) or ""),
        attendee_phone=_phone(arguments),
        said=envelope.caller_lines,
        dialogue=envelope.dialogue,
    )


def message_draft(arguments: Mapping[str, object]) -> MessageDraft:
    """Read the arguments of `take_message`; a missing message becomes empty text."""
    name = _name(arguments) or ""
    return MessageDraft(
        body=_text(arguments, "message") or "",
        attendee_name=None if is_placeholder_name(name) else name,
        attendee_phone=_phone(arguments),
    )


def searched_homes(arguments: Mapping[str, object]) -> HomeSearch:
    """Read the arguments of `find_property`; what is not understood is left out."""
    return home_search(*(_value(arguments, name) for name in ("bedrooms", "max_rent", "area")))


def _value(arguments: Mapping[str, object], name: str) -> object:
    """Return an argument; None for a placeholder."""
    value = arguments.get(name)
    return None if isinstance(value, str) and value.strip().casefold() in _PLACEHOLDERS else value


def _name(arguments: Mapping[str, object]) -> str | None:
    """Return the visitor's name without the words that callers put around it."""
    name = _text(arguments, "attendee_name", MAX_NAME_CHARS)
    return None if name is None else spoken_name(name)


def _phone(arguments: Mapping[str, object]) -> str | None:
    """Return the number to call back on, which models may write as a JSON number."""
    value = arguments.get("attendee_phone")
    if type(value) is float and value.is_integer():
        value = int(value)
    # Not cut: a part of a number in words is another number. What is too long for one is none.
    return str(value) if type(value) is int else _text(arguments, "attendee_phone")


def _text(arguments: Mapping[str, object], name: str, max_chars: int | None = None) -> str | None:
    value = _value(arguments, name)
    return single_line(value, max_chars) if max_chars else single_line(value)
