"""Forms for time off: blocked times, closures of the office, repeating blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wtforms import Field, SelectField, SelectMultipleField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, NumberRange, Optional

from peterental.agents.model import Agent, AgentName
from peterental.agents.time_off.descriptions import WEEKDAY_NAMES
from peterental.agents.time_off.model import MAX_WEEKS, Closure, ClosureEntry, RepeatingBlock, RepeatingEntry
from peterental.agents.working_hours.model import MINUTES_PER_DAY, BusyBlockRequest
from peterental.web.agents.working_hours_forms import (
    BusyForm,
    DayField,
    TimeOfDayField,
    check_start,
    check_year,
    note_field,
    require_day,
)
from peterental.web.shell.forms import PageForm, VersionedForm, WholeNumber, required, up_to

NOON_MIN = 12 * 60
MAX_NAME_CHARS = 120

PARTS: Mapping[str, tuple[int | None, int | None]] = {
    "day": (None, None),
    "morning": (None, NOON_MIN),
    "afternoon": (NOON_MIN, None),
}
"""The parts of a day that one button blocks, in minutes after midnight."""

_WEEKS_MESSAGE = f"Enter a whole number from 1 to {MAX_WEEKS}."


class BlockForm(PageForm):
    """Blocks a day of an agent, or its morning or afternoon, by one of several buttons."""

    agent_id = SelectField("Agent", validate_choice=False)
    day = DayField("Day", validators=[require_day, check_year])
    note = note_field("For example dentist. Callers never hear it.")

    def busy_request(self, part: str) -> BusyBlockRequest:
        """Return the request in a valid form; `part` is one of PARTS."""
        from_min, until_min = PARTS[part]
        return BusyBlockRequest(
            first_day=self.day.data,
            last_day=self.day.data,
            from_min=from_min,
            until_min=until_min,
            note=self.note.data or None,
        )


class OtherTimesForm(BusyForm):
    """Blocks any time of an agent."""

    agent_id = SelectField("Agent", validate_choice=False)


class ClosureForm(VersionedForm):
    """A closure of the office."""

    name = StringField(
        "Name",
        description="For example Thanksgiving.",
        validators=[required("Enter a name."), up_to(MAX_NAME_CHARS)],
        render_kw={"autocomplete": "off"},
    )
    first_day = DayField("First day", description="Required.", validators=[require_day, check_year])
    from_time = TimeOfDayField("Start time", description="Empty: midnight.", validators=[Optional(), check_start])
    last_day = DayField("Last day", description="Empty: same day.", validators=[Optional(), check_year])
    until_time = TimeOfDayField("End time", description="Empty: midnight.", validators=[Optional()])
    exempt = SelectMultipleField("Agents who work anyway", validate_choice=False)

    @property
    def closure(self) -> ClosureEntry:
        """The closure in a valid form."""
        until_min = self.until_time.data
        return ClosureEntry(
            name=self.name.data,
            first_day=self.first_day.data,
            last_day=self.last_day.data or self.first_day.data,
            from_min=self.from_time.data or 0,
            until_min=MINUTES_PER_DAY if until_min is None else until_min,
            exempt=frozenset(self.exempt.data or ()),
        )

    def offer(self, agents: Iterable[AgentName], exempt: Iterable[str] = ()) -> None:
        """Set the agents who may work anyway; those who do already are always among them."""
        named = {agent.agent_id: agent.agent_name for agent in agents}
        others = {agent_id: agent_id for agent_id in exempt if agent_id not in named}
        self.exempt.choices = [SelectChoice(*choice) for choice in {**named, **others}.items()]

    def show(self, closure: Closure) -> None:
        """Fill in a stored closure."""
        self.name.data = closure.name
        self.first_day.data = closure.first_day
        self.last_day.data = closure.last_day if closure.last_day != closure.first_day else None
        self.from_time.data = closure.from_min or None
        self.until_time.data = closure.until_min if closure.until_min != MINUTES_PER_DAY else None
        self.exempt.data = sorted(closure.exempt)
        self.show_version(closure.updated_at)


class RepeatingForm(VersionedForm):
    """A repeating block of an agent."""

    agent_id = SelectField("Agent", validate_choice=False)
    weekdays = SelectMultipleField(
        "On",
        coerce=int,
        choices=[SelectChoice(number, name[:3]) for number, name in enumerate(WEEKDAY_NAMES, start=1)],
        validators=[InputRequired("Choose at least one weekday.")],
    )
    from_time = TimeOfDayField("Start time", description="Empty: midnight.", validators=[Optional(), check_start])
    until_time = TimeOfDayField("End time", description="Empty: midnight.", validators=[Optional()])
    every_weeks = WholeNumber(
        "Every",
        description="1 for every week.",
        default=1,
        validators=[required(_WEEKS_MESSAGE), NumberRange(min=1, max=MAX_WEEKS, message=_WEEKS_MESSAGE)],
        render_kw={"inputmode": "numeric"},
    )
    first_day = DayField("First day", description="Weeks are counted from it.", validators=[require_day, check_year])
    last_day = DayField("Last day", description="Empty: without an end.", validators=[Optional(), check_year])
    note = note_field("For example lunch. Callers never hear it.")

    @property
    def repeating(self) -> RepeatingEntry:
        """The repeating block in a valid form."""
        until_min = self.until_time.data
        return RepeatingEntry(
            weekdays=tuple(self.weekdays.data),
            from_min=self.from_time.data or 0,
            until_min=MINUTES_PER_DAY if until_min is None else until_min,
            every_weeks=self.every_weeks.data or 1,
            first_day=self.first_day.data,
            last_day=self.last_day.data,
            note=self.note.data or None,
        )

    def show(self, block: RepeatingBlock) -> None:
        """Fill in a stored repeating block."""
        self.weekdays.data = list(block.weekdays)
        self.from_time.data = block.from_min or None
        self.until_time.data = block.until_min if block.until_min != MINUTES_PER_DAY else None
        self.every_weeks.data = block.every_weeks
        self.first_day.data = block.first_day
        self.last_day.data = block.last_day
        self.note.data = block.note
        self.show_version(block.updated_at)


class SkipForm(PageForm):
    """A day on which a repeating block is left out."""

    day = DayField("Day", validators=[require_day, check_year])


def offer_agents(field: Field, agents: Sequence[Agent | AgentName]) -> None:
    """Set the agents that a select field offers. None of several is chosen unasked."""
    unchosen = [SelectChoice("", "Choose")] if len(agents) > 1 else []
    field.choices = unchosen + [SelectChoice(agent.agent_id, agent.agent_name) for agent in agents]
