"""What people fill in to book or to move a viewing by hand."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta, tzinfo
from typing import Any, get_args

from wtforms import (
    DateField,
    EmailField,
    Field,
    HiddenField,
    SelectField,
    StringField,
    TelField,
    TimeField,
    ValidationError,
)
from wtforms.validators import Length, NumberRange, Optional, Regexp

from peterental.appointments.listing.model import AgentChoice
from peterental.appointments.manual.model import LONGEST_MIN, BookingWarnings, ExpectedState, NewBooking, WallClockTime
from peterental.appointments.model import Appointment, Status
from peterental.web.shell.forms import PageForm, WholeNumber, required

FORM_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)
FIRST_YEAR, LAST_YEAR = 2000, 2999
LENGTH_MESSAGE = f"Type a whole number from 5 to {LONGEST_MIN}, or leave it empty."

IN_PAGE = (
    "agent_id", "day", "slot", "other",
    "property_address", "attendee_name", "attendee_phone", "attendee_email", "minutes",
)  # fmt: skip
"""The fields of a booking from top to bottom."""


def _up_to(characters: int) -> Length:
    return Length(max=characters, message=f"There is room for {characters} characters.")


class WhenForm(PageForm):
    """A day and a time on the agent's wall clock: one that is free, or another."""

    day = DateField("Day", validators=[required("Choose a day.")])
    slot = StringField("Free times")
    other = TimeField(
        "Another time",
        name="time",
        description="Goes before a free time chosen above. It may be outside working hours.",
        format=["%H:%M", "%H:%M:%S"],
        validators=[Optional()],
    )
    acknowledged = HiddenField()

    def validate_day(self, field: DateField) -> None:
        """Refuse years in which nobody sees a home."""
        if field.data is not None and not FIRST_YEAR <= field.data.year <= LAST_YEAR:
            raise ValidationError(f"Choose a day from {FIRST_YEAR} to {LAST_YEAR}.")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Check every field, and that there is a time."""
        fits = super().validate(extra_validators)
        if self.clock is None and not self.other.errors:
            self.other.errors = ["Choose a free time, or type another one."]
            return False
        return fits

    @property
    def clock(self) -> time | None:
        """The time that was chosen, on the agent's wall clock."""
        if self.other.data is not None:
            typed: time = self.other.data
            return typed
        try:
            return datetime.strptime(self.slot.data or "", "%H:%M").time()  # noqa: DTZ007  # the agent's wall clock
        except ValueError:
            return None

    def when(self) -> WallClockTime:
        """Give what was chosen, once it is valid."""
        clock = self.clock or time()
        return WallClockTime(
            day=self.day.data,
            clock_min=clock.hour * 60 + clock.minute,
            told=frozenset((self.acknowledged.data or "").split()),
        )

    @property
    def known_day(self) -> date | None:
        """The day, where it is one, whatever else is still missing."""
        day: date | None = self.day.data
        return day if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR else None


class BookForm(WhenForm):
    """A viewing to be booked by hand."""

    agent_id = SelectField("Agent", validators=[required("Choose an agent.")], coerce=str)
    minutes = WholeNumber(
        "Length",
        description="Empty: as long as this agent’s viewings usually are.",  # noqa: RUF001  # an apostrophe
        validators=[Optional(), NumberRange(min=5, max=LONGEST_MIN, message=LENGTH_MESSAGE)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    property_address = StringField(
        "Home", validators=[required("Which home is to be seen?"), _up_to(500)], render_kw={"autocomplete": "off"}
    )
    attendee_name = StringField(
        "Visitor", validators=[required("Who is coming?"), _up_to(255)], render_kw={"autocomplete": "off"}
    )
    attendee_email = EmailField(
        "E-mail",
        validators=[
            Optional(),
            _up_to(255),
            Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message="An e-mail address looks like dolores@example.com."),
        ],
        render_kw={"autocomplete": "off"},
    )
    attendee_phone = TelField("Phone", validators=[_up_to(40)], render_kw={"autocomplete": "off"})
    key = HiddenField()

    def __iter__(self) -> Iterator[Field]:
        """Give the fields in the order of the page, which is that of its list of what is wrong."""
        first = [self[name] for name in IN_PAGE]
        return iter([*first, *(field for field in super().__iter__() if field not in first)])

    def offer(self, agents: Sequence[AgentChoice]) -> None:
        """Fill the list of agents, and see to it that the form has a key of its own."""
        choices = [(agent.agent_id, agent.agent_name) for agent in agents]
        self.agent_id.choices = choices if len(choices) == 1 else [("", "Choose an agent"), *choices]
        if not FORM_KEY.fullmatch(self.key.data or ""):
            self.key.data = secrets.token_urlsafe(24)

    def entry(self) -> NewBooking:
        """Give what was filled in, once it is valid."""
        return NewBooking(
            agent_id=self.agent_id.data,
            when=self.when(),
            key=self.key.data,
            property_address=self.property_address.data,
            attendee_name=self.attendee_name.data,
            attendee_email=self.attendee_email.data or None,
            attendee_phone=self.attendee_phone.data or None,
            length_min=self.minutes.data,
        )


class MoveForm(WhenForm):
    """Another time for a viewing, as it was when the form was opened."""

    seen = HiddenField()


def seen_token(appointment: Appointment) -> str:
    """Give what a form keeps of the viewing that it is about."""
    assert appointment.updated_at is not None  # noqa: S101  # tells mypy; it was read from the database
    return f"{appointment.updated_at.isoformat()} {appointment.start.isoformat()} {appointment.status}"


def parse_seen_token(token: str | None) -> ExpectedState | None:
    """Give what a form has kept; None where it is not readable, which is as if somebody had changed the viewing."""
    try:
        updated_at, start, status = (token or "").split(" ")
        seen = ExpectedState(datetime.fromisoformat(updated_at), datetime.fromisoformat(start), _status(status))
    except ValueError:
        return None
    is_sane = all(
        moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR for moment in (seen.updated_at, seen.start)
    )
    return seen if is_sane else None  # the first and the last year have no room for other zones


def acknowledgement_token(warnings: BookingWarnings) -> str:
    """Give what the box says that is ticked to do it all the same."""
    return " ".join(sorted(warnings.facts))


def is_repeated(start: datetime, zone: tzinfo) -> bool:
    """Tell whether the wall clock shows the time of `start` twice that day, because it is put back."""
    local = start.astimezone(zone)
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first > second


def _status(text: str) -> Status:
    for status in get_args(Status):
        if status == text:
            known: Status = status
            return known
    raise ValueError(text)
