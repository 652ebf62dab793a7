"""Forms for an agent's working hours, date overrides and blocked time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, time
from typing import Any

from wtforms import DateField, Field, StringField, TimeField
from wtforms.validators import Optional, StopValidation

from peterental.agents.model import Agent, Window
from peterental.agents.working_hours.model import MINUTES_PER_DAY, BusyBlockRequest, DateOverride
from peterental.agents.working_hours.parser import parse_windows
from peterental.agents.working_hours.service import WEEKDAYS
from peterental.audit.model import AuditEntry
from peterental.errors import Refusal
from peterental.web.shell.forms import PageForm, VersionedForm, up_to
from peterental.web.shell.template_filters import wall_clock

MIN_DAY, MAX_DAY = date(2000, 1, 1), date(2100, 1, 1)
HOUR_MIN = 60
MAX_NOTE_CHARS = 200
MAX_HOURS_CHARS = 120
HOURS_ATTRIBUTES = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def format_windows(windows: Iterable[Window]) -> str:
    """Return windows as `parse_windows` accepts them: `9 am–12 pm, 1–5 pm`."""
    return ", ".join(f"{_opening(w)}\N{EN DASH}{wall_clock(w.closes_min)}" for w in windows)


def _opening(window: Window) -> str:
    """Return the opening time, without am or pm if the closing time has the same.

    Midnight stays a word.
    """
    opens, closes = wall_clock(window.opens_min), wall_clock(window.closes_min)
    is_plain = window.opens_min >= HOUR_MIN and opens[-2:] == closes[-2:]
    return opens[:-3] if is_plain else opens


def check_hours(form: PageForm, field: Field) -> None:
    """Check that the text can be parsed as hours."""
    del form
    try:
        parse_windows(field.data or "")
    except Refusal as refusal:
        raise StopValidation(str(refusal)) from refusal


def require_day(form: PageForm, field: Field) -> None:
    """Check that a day was entered; an invalid one already has an error."""
    del form
    if field.data is None and not field.errors:
        raise StopValidation("Choose a day.")


require_day.field_flags = {"required": True}  # type: ignore[attr-defined]  # WTForms reads this attribute


def check_year(form: PageForm, field: Field) -> None:
    """Check that a day is within MIN_DAY and MAX_DAY."""
    del form
    if field.data is not None and not MIN_DAY <= field.data <= MAX_DAY:
        raise StopValidation("Choose a day in this century.")


def check_start(form: PageForm, field: Field) -> None:
    """Check that a start time is not 24:00."""
    del form
    if field.data == MINUTES_PER_DAY:
        raise StopValidation("24:00 is the end of a day. Choose the next day and 00:00.")


def hours_field(label: str, description: str = "") -> StringField:
    """Return the field of the hours of one day, typed as `9-12, 1-5`."""
    return StringField(
        label,
        description=description,
        validators=[up_to(MAX_HOURS_CHARS), check_hours],
        render_kw=HOURS_ATTRIBUTES,
    )


def note_field(example: str) -> StringField:
    """Return the field of a note; `example` is its hint."""
    return StringField(
        "Note",
        description=example,
        validators=[up_to(MAX_NOTE_CHARS)],
        render_kw={"autocomplete": "off"},
    )


class DayField(DateField):  # type: ignore[misc]  # WTForms has no types
    """A day in ISO 8601, with an error message that shows the format."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Parse the entry; empty becomes None."""
        self.data: Any = None
        if valuelist and valuelist[0].strip():
            try:
                self.data = date.fromisoformat(valuelist[0].strip())
            except ValueError as error:
                raise ValueError("Enter a date such as 2026-12-24.") from error


_TIME_FORMAT_MESSAGE = "Enter a time such as 14:30."


class TimeOfDayField(TimeField):  # type: ignore[misc]  # WTForms has no types
    """A time of day in minutes after midnight; 24:00 is the end of the day."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Parse the entry; empty becomes None."""
        self.data = None
        typed = valuelist[0].strip() if valuelist else ""
        if typed == "24:00":
            self.data = MINUTES_PER_DAY
        elif typed:
            try:
                read = time.fromisoformat(typed)
            except ValueError as error:
                raise ValueError(_TIME_FORMAT_MESSAGE) from error
            if read.tzinfo is not None:
                raise ValueError(_TIME_FORMAT_MESSAGE)
            self.data = read.hour * 60 + read.minute

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data // 60:02}:{self.data % 60:02}"


class WeekdaysForm(VersionedForm):
    """A form with hours of each weekday."""

    monday = hours_field("Monday")
    tuesday = hours_field("Tuesday")
    wednesday = hours_field("Wednesday")
    thursday = hours_field("Thursday")
    friday = hours_field("Friday")
    saturday = hours_field("Saturday")
    sunday = hours_field("Sunday")

    @property
    def days(self) -> list[Field]:
        """The fields of the seven weekdays, Monday first."""
        return [self[name.lower()] for name in WEEKDAYS]


class WeekForm(WeekdaysForm):
    """The working hours of every weekday."""

    @property
    def week(self) -> list[tuple[Window, ...]]:
        """The windows of each day in a valid form, Monday first."""
        return [parse_windows(field.data or "") for field in self.days]

    def show(self, agent: Agent) -> None:
        """Fill in the stored hours of an agent."""
        for field, windows in zip(self.days, _week_of(agent), strict=True):
            field.data = format_windows(windows)
        self.show_version(agent.updated_at)

    def show_conflict(self, agent: Agent, entries: Sequence[AuditEntry]) -> None:
        """Add the stored hours, and who saved them, to every day that differs.

        Then accept the current version: sending the form again overwrites the stored hours.

        Args:
            agent: its current state.
            entries: the audit log of the agent since this form was opened.
        """
        saver = {name: entry.actor for entry in entries for name in entry.change.after}
        for name, field, typed, saved in zip(WEEKDAYS, self.days, self.week, _week_of(agent), strict=True):
            if (not entries or name in saver) and typed != saved:
                by = f" by {saver[name]}" if name in saver else ""
                field.errors = [*field.errors, f"Now saved{by}: {format_windows(saved) or 'closed'}."]
        self.show_version(agent.updated_at)


class DayForm(PageForm):
    """A date override: other hours on one day."""

    day = DayField("Day", validators=[require_day, check_year])
    hours = hours_field("Hours on that day", "For example 10–14. Leave empty if closed.")
    note = note_field("For example Thanksgiving.")

    @property
    def date_override(self) -> DateOverride:
        """The override in a valid form."""
        return DateOverride(self.day.data, parse_windows(self.hours.data or ""), self.note.data or None)


class BusyForm(PageForm):
    """Blocked time, in which no viewing is offered."""

    first_day = DayField("First day", description="Required.", validators=[require_day, check_year])
    from_time = TimeOfDayField("Start time", description="Empty: midnight.", validators=[Optional(), check_start])
    last_day = DayField("Last day", description="Empty: same day.", validators=[Optional(), check_year])
    until_time = TimeOfDayField("End time", description="Empty: midnight.", validators=[Optional()])
    note = note_field("For example dentist. Callers never hear it.")

    @property
    def busy_request(self) -> BusyBlockRequest:
        """The request in a valid form."""
        return BusyBlockRequest(
            first_day=self.first_day.data,
            last_day=self.last_day.data or self.first_day.data,
            from_min=self.from_time.data,
            until_min=self.until_time.data,
            note=self.note.data or None,
        )


def _week_of(agent: Agent) -> list[tuple[Window, ...]]:
    return [
        tuple(sorted(window for weekday, window in agent.rules.week if weekday == number))
        for number in range(1, len(WEEKDAYS) + 1)
    ]
