"""Forms to book or move a viewing manually."""

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
from wtforms.validators import NumberRange, Optional, Regexp

from peterental.appointments.listing.model import AgentChoice
from peterental.appointments.manual.model import (
    MAX_DURATION_MIN,
    MIN_DURATION_MIN,
    BookingWarnings,
    ExpectedState,
    NewBooking,
    WallClockTime,
)
from peterental.appointments.model import Appointment, Status
from peterental.web.shell.forms import PageForm, WholeNumber, required, up_to

EMAIL = re.compile(r"[^@\s]++@[^@\s][^@\s.]*+\.[^@\s]++\Z")
FORM_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)
FIRST_YEAR, LAST_YEAR = 2000, 2999
LENGTH_MESSAGE = f"Enter a whole number from {MIN_DURATION_MIN} to {MAX_DURATION_MIN}, or leave it empty."

IN_PAGE = (
    "agent_id", "property_address", "minutes", "day", "slot", "other",
    "attendee_name", "attendee_phone", "attendee_email",
)  # fmt: skip
"""The fields of a booking from top to bottom."""


class WhenForm(PageForm):
    """A day and a wall-clock time of the agent: an offered time or a typed one."""

    day = DateField("Day", validators=[required("Choose a day.")])
    slot = StringField("Free times")
    other = TimeField(
        "Another time",
        name="time",
        description="Overrides the free time chosen above. It may be outside working hours.",
        format=["%H:%M", "%H:%M:%S"],
        validators=[Optional()],
    )
    acknowledged = HiddenField()

    def validate_day(self, field: DateField) -> None:
        """Reject days outside FIRST_YEAR to LAST_YEAR."""
        if field.data is not None and not FIRST_YEAR <= field.data.year <= LAST_YEAR:
            raise ValidationError(f"Choose a day from {FIRST_YEAR} to {LAST_YEAR}.")

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Validate every field, and require a time."""
        is_valid = super().validate(extra_validators)
        if self.clock is None and not self.other.errors:
            self.other.errors = ["Choose a free time or enter another one."]
            return False
        return is_valid

    @property
    def clock(self) -> time | None:
        """The chosen time on the agent's wall clock; None if there is none."""
        if self.other.data is not None:
            typed: time = self.other.data
            return typed
        try:
            return datetime.strptime(self.slot.data or "", "%H:%M").time()  # noqa: DTZ007  # the agent's wall clock
        except ValueError:
            return None

    def when(self) -> WallClockTime:
        """Return the chosen day and time of a valid form."""
        clock = self.clock or time()
        return WallClockTime(
            day=self.day.data,
            clock_min=clock.hour * 60 + clock.minute,
            acknowledged=frozenset((self.acknowledged.data or "").split()),
        )

    @property
    def known_day(self) -> date | None:
        """The day if it is valid, even if the rest of the form is not."""
        day: date | None = self.day.data
        return day if day is not None and FIRST_YEAR <= day.year <= LAST_YEAR else None


class VisitorForm(PageForm):
    """Who comes."""

    attendee_name = StringField(
        "Name", validators=[required("Enter the visitor's name."), up_to(255)], render_kw={"autocomplete": "off"}
    )
    attendee_phone = TelField("Phone", validators=[up_to(40)], render_kw={"autocomplete": "off"})
    attendee_email = EmailField(
        "E-mail",
        validators=[
            Optional(),
            up_to(255),
            Regexp(EMAIL, message="Enter an e-mail address such as dolores@example.com."),
        ],
        render_kw={"autocomplete": "off"},
    )


class BookForm(VisitorForm, WhenForm):
    """A manual booking."""

    agent_id = SelectField("Agent", validators=[required("Choose an agent.")], coerce=str)
    minutes = WholeNumber(
        "Length",
        description="Leave empty for the agent’s usual viewing length.",  # noqa: RUF001  # an apostrophe
        validators=[Optional(), NumberRange(min=MIN_DURATION_MIN, max=MAX_DURATION_MIN, message=LENGTH_MESSAGE)],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    property_address = StringField(
        "Home",
        validators=[required("Enter the address of the home."), up_to(500)],
        render_kw={"autocomplete": "off", "list": "homes"},
    )
    key = HiddenField()

    def __iter__(self) -> Iterator[Field]:
        """Yield the fields in the order of the page and of its list of errors."""
        first = [self[name] for name in IN_PAGE]
        return iter([*first, *(field for field in super().__iter__() if field not in first)])

    def offer(self, agents: Sequence[AgentChoice]) -> None:
        """Set the agents to choose from, and create the form's key if it has none."""
        choices = [(agent.agent_id, agent.agent_name) for agent in agents]
        self.agent_id.choices = choices if len(choices) == 1 else [("", "Choose an agent"), *choices]
        if not FORM_KEY.fullmatch(self.key.data or ""):
            self.key.data = secrets.token_urlsafe(24)

    def entry(self, homes: Mapping[str, int]) -> NewBooking:
        """Return the booking in a valid form.

        Args:
            homes: the ids of the homes in the catalogue by what the form calls them, in lower case.
        """
        return NewBooking(
            agent_id=self.agent_id.data,
            when=self.when(),
            key=self.key.data,
            property_address=self._home,
            property_id=self.home_id(homes),
            attendee_name=self.attendee_name.data,
            attendee_email=self.attendee_email.data or None,
            attendee_phone=self.attendee_phone.data or None,
            duration_min=self.minutes.data,
        )

    def home_id(self, homes: Mapping[str, int]) -> int | None:
        """Return the id of the entered home, even if the rest of the form is not valid; None if it is in no catalogue.

        Args:
            homes: as for `entry`.
        """
        return homes.get(self._home.casefold())

    @property
    def known_minutes(self) -> int | None:
        """The length if it is valid, even if the rest of the form is not."""
        minutes: int | None = self.minutes.data
        return minutes if minutes is not None and MIN_DURATION_MIN <= minutes <= MAX_DURATION_MIN else None

    @property
    def _home(self) -> str:
        return " ".join((self.property_address.data or "").split())


class MoveForm(WhenForm):
    """Another time for a viewing, with the state that the form was opened on."""

    seen = HiddenField()


def seen_token(appointment: Appointment) -> str:
    """Return the state of a viewing for the hidden field `seen`."""
    assert appointment.updated_at is not None  # noqa: S101  # for mypy; it was read from the database
    return f"{appointment.updated_at.isoformat()} {appointment.start.isoformat()} {appointment.status}"


def parse_seen_token(token: str | None) -> ExpectedState | None:
    """Parse the hidden field `seen`; None if it is malformed.

    A malformed field is treated as an edit conflict.
    """
    try:
        updated_at, start, status = (token or "").split(" ")
        seen = ExpectedState(datetime.fromisoformat(updated_at), datetime.fromisoformat(start), _status(status))
    except ValueError:
        return None
    is_sane = all(
        moment.tzinfo is not None and MINYEAR < moment.year < MAXYEAR for moment in (seen.updated_at, seen.start)
    )
    return seen if is_sane else None  # in the first and the last year a conversion to another zone overflows


def acknowledgement_token(warnings: BookingWarnings) -> str:
    """Return the value of the checkbox that acknowledges these warnings."""
    return " ".join(sorted(warnings.fingerprints))


def is_repeated(start: datetime, zone: tzinfo) -> bool:
    """Return whether the clocks go back and show the time of `start` twice."""
    local = start.astimezone(zone)
    first, second = (local.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return first > second


def _status(text: str) -> Status:
    for status in get_args(Status):
        if status == text:
            known: Status = status
            return known
    raise ValueError(text)
