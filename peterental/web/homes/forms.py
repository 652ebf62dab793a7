"""The forms of the homes: one home, and how homes are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from wtforms import BooleanField, Field, HiddenField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import NumberRange, Optional, StopValidation
from wtforms.widgets import CheckboxInput, ListWidget

from peterental.agents.model import AgentName, Window
from peterental.agents.working_hours.parser import parse_windows
from peterental.agents.working_hours.service import WEEKDAYS
from peterental.audit.model import AuditEntry
from peterental.plural import counted
from peterental.properties.model import Property, PropertyDetails, PropertySettings
from peterental.properties.service import LIMITS, MAX_CHARS, MAX_NAME_CHARS, MAX_NAMES, audited, validated
from peterental.web.agents.working_hours_forms import DayField, WeekdaysForm, format_windows
from peterental.web.shell.forms import PageForm, WholeNumber, required, up_to

MAX_BATHROOM_CHARS = 6
NO_ENTRY = {"autocomplete": "off"}


def _text(name: str, label: str, description: str = "") -> StringField:
    return StringField(label, description=description, validators=[up_to(MAX_CHARS[name])], render_kw=NO_ENTRY)


def _number(name: str, label: str, description: str = "") -> WholeNumber:
    _, low, high = LIMITS[name]
    message = f"Enter a whole number from {low:,} to {high:,}."
    return WholeNumber(
        label,
        description=description,
        validators=[Optional(), NumberRange(min=low, max=high, message=message)],
        render_kw={"inputmode": "numeric", **NO_ENTRY},
    )


class Quarters(StringField):  # type: ignore[misc]  # WTForms has no types
    """A number in quarters, such as 1.5; an invalid entry stays in the field with an error."""

    number: float | None = None

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Parse the entry; empty becomes None."""
        self.data = valuelist[0].strip() if valuelist else ""
        if not self.data:
            return
        try:
            quarters = Decimal(self.data.replace(",", ".")[:MAX_BATHROOM_CHARS]) * 4
            self.number = float(quarters) / 4
            is_valid = quarters == int(quarters)
        except (InvalidOperation, ValueError, OverflowError):
            is_valid = False
        if not is_valid or len(self.data) > MAX_BATHROOM_CHARS:
            raise ValueError("Enter a number such as 1 or 1.5.")


class Ticks(SelectMultipleField):  # type: ignore[misc]  # WTForms has no types
    """Several choices, each a checkbox."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


def _check_names(form: PageForm, field: Field) -> None:
    """Check the number of other names, and the length of each."""
    del form
    names = lines(field.data)
    if len(names) > MAX_NAMES:
        raise StopValidation(f"At most {MAX_NAMES} other names.")
    if any(len(name) > MAX_NAME_CHARS for name in names):
        raise StopValidation(f"Each name can have at most {MAX_NAME_CHARS} characters.")


class HomeForm(WeekdaysForm):
    """A home; the fields are named as in `PropertyDetails`, but for the hours of each weekday."""

    line1 = StringField(
        "Street",
        description="House number and street, for example 1420 Elm Street.",
        validators=[required("Enter the house number and the street."), up_to(MAX_CHARS["line1"])],
        render_kw=NO_ENTRY,
    )
    unit = _text("unit", "Unit", "Apartment, suite or lot, for example 2B.")
    city = _text("city", "City")
    state = _text("state", "State")
    zip_code = _text("zip_code", "ZIP code")
    said_as = TextAreaField(
        "Other names",
        description="What callers may call it, one a line, for example The Gables.",
        validators=[up_to(MAX_NAMES * (MAX_NAME_CHARS + 2)), _check_names],
        render_kw={"rows": "3"},
    )
    bedrooms = _number("bedrooms", "Bedrooms", "0 is a studio.")
    bathrooms = Quarters(
        "Bathrooms",
        description="For example 1.5.",
        validators=[Optional()],
        render_kw={"inputmode": "decimal", **NO_ENTRY},
    )
    rent = _number("rent", "Rent", "A month.")
    available_on = DayField("Available from", description="Empty: now.", validators=[Optional()])
    showing_minutes = _number("showing_minutes", "Viewing length", "Empty: the agent’s.")  # noqa: RUF001  # an apostrophe
    notice_minutes = _number("notice_minutes", "Minimum notice", "The agent’s counts too.")  # noqa: RUF001  # likewise
    shown_by = Ticks("Agents", validate_choice=False)

    def offer(self, agents: Iterable[AgentName], home: Property | None) -> None:
        """Set the agents to choose from.

        Args:
            agents: those that are offered.
            home: the stored home; its other agents keep showing it.
        """
        self._agents = {agent.agent_id: agent.agent_name for agent in agents}
        self._others = (home.shown_by if home else frozenset[str]()) - self._agents.keys()
        self.shown_by.choices = [(agent_id, name[:60]) for agent_id, name in self._agents.items()]

    def show(self, home: PropertyDetails) -> None:
        """Fill in the values of a home."""
        for name, value in vars(home).items():
            if name in self and name not in {"said_as", "bathrooms", "shown_by"}:
                self[name].data = value
        self.said_as.data = "\n".join(home.said_as)
        self.bathrooms.data = "" if home.bathrooms is None else f"{home.bathrooms:g}"
        self.shown_by.data = sorted(home.shown_by)
        for weekday, day in enumerate(self.days, start=1):
            day.data = format_windows(window for on_weekday, window in home.windows if on_weekday == weekday)

    def details(self) -> PropertyDetails:
        """Return the home in a valid form."""
        names = ("line1", "unit", "city", "state", "zip_code", "bedrooms", "rent", "available_on")
        values: dict[str, Any] = {name: self[name].data or None for name in names[:5]}
        numbers = {name: self[name].data for name in (*names[5:], "showing_minutes", "notice_minutes")}
        windows = (
            (weekday, window)
            for weekday, day in enumerate(self.days, start=1)
            for window in parse_windows(day.data or "")
        )
        chosen = frozenset(self.shown_by.data or ()) & self._agents.keys()
        return PropertyDetails(
            **{**values, **numbers, "line1": self.line1.data or ""},
            said_as=tuple(lines(self.said_as.data)),
            bathrooms=self.bathrooms.number,
            windows=tuple(windows),
            shown_by=frozenset(chosen | self._others),
        )

    def show_conflict(self, home: Property, entries: Sequence[AuditEntry]) -> None:
        """Add the stored value, and who saved it, to every field that differs.

        The entries stay in the form, and sending it again overwrites the stored values.

        Args:
            home: its current state.
            entries: the audit log of the home since this form was opened.
        """
        saver = {name: entry.actor for entry in entries for name in entry.change.after}
        typed, stored = audited(validated(self.details())), audited(home)
        for name in (name for name in stored if stored[name] != typed[name]):
            by = f" by {saver[name]}" if name in saver else ""
            for field, words in self._displayed(name, home, typed):
                field.errors = [*field.errors, f"Now saved{by}: {words}."]
        self.show_version(home.updated_at)

    def _displayed(self, name: str, home: Property, typed: dict[str, Any]) -> Iterator[tuple[Field, str]]:
        """Yield the fields in which a stored value is shown, and its words."""
        if name != "windows":
            yield self[name], self._display_value(name, home)
            return
        stored = audited(home)["windows"]
        for day, weekday in zip(self.days, WEEKDAYS, strict=True):
            if stored.get(weekday) != typed["windows"].get(weekday):
                yield day, stored.get(weekday, "closed")

    def _display_value(self, name: str, home: Property) -> str:
        value = audited(home)[name]
        if name == "shown_by":
            others = len(home.shown_by - self._agents.keys())
            named = [self._agents[agent_id] for agent_id in value if agent_id in self._agents]
            return ", ".join([*named, *([counted(others, "other agent")] if others else [])]) or "every agent"
        if isinstance(value, list):
            return ", ".join(value) or "nothing"
        return "nothing" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


class HomeSettingsForm(PageForm):
    """How the office shows its homes."""

    one_viewing_at_a_time = BooleanField("Two viewings of one home may not overlap")
    seen = HiddenField()

    def show_version(self, settings: PropertySettings) -> None:
        """Set the version to the settings that this form shows."""
        self.seen.data = "on" if settings.one_viewing_at_a_time else "off"

    @property
    def seen_settings(self) -> PropertySettings | None:
        """The settings when the form was opened; None if unknown."""
        known = {"on": True, "off": False}.get(self.seen.data or "")
        return None if known is None else PropertySettings(one_viewing_at_a_time=known)


def lines(text: str | None) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def windows_by_weekday(home: PropertyDetails) -> list[tuple[str, list[Window]]]:
    """Return the name and the hours of each weekday on which a home may be shown, Monday first."""
    return [
        (name, found)
        for number, name in enumerate(WEEKDAYS, start=1)
        if (found := [window for weekday, window in home.windows if weekday == number])
    ]
