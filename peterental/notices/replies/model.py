"""Texts that visitors send, and the viewings that these may be about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from peterental.appointments.model import Status
from peterental.notices.model import Kind, Language
from peterental.notices.replies.understanding import WEEKDAYS

Outcome = Literal[
    "confirm",
    "cancel",
    "take_offer",
    "which",
    "no_viewing",
    "offer_ended",
    "move",
    "message",
    "courtesy",
    "help",
    "start",
    "stop",
    "wrong_person",
]
"""What a text is taken for. The first three change a viewing; which and no_viewing ask for a change that is not
certain, and offer_ended for a time that is no longer held."""


EARLY_HOURS = 4
"""Who is still awake before this hour may say tomorrow and mean the day that has begun."""


@dataclass(frozen=True, kw_only=True)
class IncomingText:
    """A text as the provider delivers it.

    Args:
        provider_id: the provider's id of it: one that comes twice is the same text.
        sender: the number in E.164.
        receiver: our number.
        body: as it was written.
        files: how many pictures or other files came with it; they are not kept.
        answered_as: what the provider itself took it for and has answered: stop, start or help; None for anything else.
    """

    provider_id: str
    sender: str
    receiver: str
    body: str
    files: int = 0
    answered_as: Literal["stop", "start", "help"] | None = None


@dataclass(frozen=True, kw_only=True)
class TextedViewing:
    """A viewing that a number was texted about. Times are UTC.

    Args:
        appointment_id, agent_id, agent_name, time_zone: of the viewing.
        language: in which the visitor is addressed.
        handover_number: where the agent is reached; None if there is none.
        start: of the viewing.
        status: of the viewing.
        sequence: counts its changes.
        property_address: the home.
        attendee_name: the visitor.
        released_at: when it was released; None if it was not.
        texted_sequence: the newest state of it that the number was texted; None for none. Answers do not count.
    """

    appointment_id: int
    agent_id: str
    agent_name: str
    time_zone: str
    language: Language
    handover_number: str | None
    start: datetime
    status: Status
    sequence: int
    property_address: str
    attendee_name: str
    released_at: datetime | None
    texted_sequence: int | None

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the home: the agent's."""
        return ZoneInfo(self.time_zone)

    @property
    def is_known(self) -> bool:
        """Whether the number was texted its present state: an answer to an earlier text does not mean this one."""
        return self.texted_sequence == self.sequence

    def is_upcoming(self, now: datetime) -> bool:
        """Return whether it takes place and has not begun."""
        return self.status == "confirmed" and self.start > now

    def is_on(self, days: frozenset[str], now: datetime) -> bool:
        """Return whether it may be on all days that a text names; a text that names none may mean any viewing.

        Args:
            days: `today`, `tomorrow`, or English weekdays, on the clock of the home.
            now: when the text came, aware.
        """
        day, local = self.start.astimezone(self.zone).date(), now.astimezone(self.zone)
        ahead = (day - local.date()).days
        names = {WEEKDAYS[day.weekday()]}
        if ahead == 0:
            names.add("today")
        if ahead == 1 or (ahead == 0 and local.hour < EARLY_HOURS):
            names.add("tomorrow")
        return days <= names


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What is known about a number when it texts.

    Args:
        viewings: those that it was texted about, the one of the newest text first; without any, its newest viewing.
        last_kind: what the newest text to it was; None if there was none.
        last_appointment_id: the viewing of that text; None for none.
        is_stopped: whether it said stop.
        answers: how many of its texts were answered in the last day.
        has_acknowledgement: whether one of its messages was acknowledged a short while ago.
    """

    viewings: tuple[TextedViewing, ...] = ()
    last_kind: Kind | None = None
    last_appointment_id: int | None = None
    is_stopped: bool = False
    answers: int = 0
    has_acknowledgement: bool = False

    def upcoming(self, now: datetime) -> list[TextedViewing]:
        """Return the viewings that take place and have not begun."""
        return [viewing for viewing in self.viewings if viewing.is_upcoming(now)]


@dataclass(frozen=True, kw_only=True)
class ReplyState:
    """How far a text has come.

    Args:
        outcome: what it was taken for.
        appointment_id: the viewing that it is about; None for none.
        is_done: whether it was answered, or passed on.
    """

    outcome: Outcome
    appointment_id: int | None
    is_done: bool


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A text that a visitor sent, as it is stored. Times are UTC.

    Args:
        provider_id: the provider's id of it.
        sender: the number in E.164.
        body: what it says.
        received_at: when it came.
        understood_as: what it was taken for.
        appointment_id: the viewing that it was about; None if none was found.
        answer: what was answered; None if nothing was.
    """

    provider_id: str
    sender: str
    body: str
    received_at: datetime
    understood_as: Outcome
    appointment_id: int | None
    answer: str | None
