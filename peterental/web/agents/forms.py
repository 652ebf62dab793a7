"""What people fill in about an agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import available_timezones

from wtforms import HiddenField, SelectField, StringField, TelField
from wtforms.validators import Length, NumberRange, Optional

from peterental.agents.model import RULE_LIMITS, Agent, Profile
from peterental.agents.service import LENGTHS, validated
from peterental.audit.model import Entry
from peterental.users.model import Person
from peterental.web.shell.forms import PageForm, WholeNumber, required
from peterental.web.shell.template_filters import zone_city

CONTINENTS = ("America", "Europe", "Africa", "Asia", "Australia", "Pacific", "Atlantic", "Indian", "Antarctica")
COMMON_ZONES = {
    "America/New_York": "New York (Eastern)",
    "America/Chicago": "Chicago (Central)",
    "America/Denver": "Denver (Mountain)",
    "America/Phoenix": "Phoenix (Arizona)",
    "America/Los_Angeles": "Los Angeles (Pacific)",
    "America/Anchorage": "Anchorage (Alaska)",
    "Pacific/Honolulu": "Honolulu (Hawaii)",
}
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
VERBATIM_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _up_to(name: str) -> Length:
    return Length(max=LENGTHS[name], message=f"There is room for {LENGTHS[name]} characters.")


def _rule(label: str, name: str, description: str = "", *, optional: bool = False) -> WholeNumber:
    limits = RULE_LIMITS[name]
    message = f"Type a whole number from {limits.low} to {limits.high}."
    return WholeNumber(
        label,
        description=description,
        validators=[
            Optional() if optional else required(message),
            NumberRange(min=limits.low, max=limits.high, message=message),
        ],
        render_kw={"inputmode": "numeric"},
    )


class VersionedForm(PageForm):
    """A form that knows which state of an agent it was opened on, so that nobody overwrites what they never saw."""

    seen = HiddenField()

    def show_state(self, agent: Agent) -> None:
        """Note the state of an agent that this form shows."""
        self.seen.data = agent.updated_at.isoformat() if agent.updated_at else ""

    @property
    def seen_at(self) -> datetime:
        """`updated_at` of the agent as it was when the form was opened; long ago where the form does not say."""
        try:
            seen = datetime.fromisoformat(self.seen.data or "")
        except ValueError:
            return NEVER
        return seen if seen.tzinfo else NEVER


class AgentForm(VersionedForm):
    """An agent's profile and rules; the fields are called as in `Profile`."""

    agent_name = StringField(
        "Name",
        description="As the assistant says it to callers.",
        validators=[required("An agent needs a name."), _up_to("agent_name")],
        render_kw={"autocomplete": "off"},
    )
    user_id = SelectField(
        "Looked after by",
        description="This person sees the agent and its bookings; admins see them all.",
        coerce=str,
    )
    vapi_assistant_id = StringField(
        "Vapi assistant id",
        description="From the page of the assistant on Vapi. Calls to this assistant are for this agent.",
        validators=[_up_to("vapi_assistant_id")],
        render_kw=VERBATIM_INPUT,
    )
    phone_number_id = StringField(
        "Vapi phone number id",
        description="Finds the agent when a call names no assistant.",
        validators=[_up_to("phone_number_id")],
        render_kw=VERBATIM_INPUT,
    )
    handover_number = TelField(
        "Hand-over number",
        description="Where a caller who asks for a person is put through, such as +1 312 555 0142.",
        validators=[_up_to("handover_number")],
        render_kw={"autocomplete": "off"},
    )
    time_zone = SelectField(
        "Time zone",
        description="Working hours and spoken times follow the clock there.",
        render_kw={"autocomplete": "off"},
    )
    calendar_user_id = StringField(
        "Calendar user",
        description="Whose calendar the viewings go into.",
        validators=[_up_to("calendar_user_id")],
        render_kw=VERBATIM_INPUT,
    )
    slot_minutes = _rule("A viewing takes", "slot_minutes", "From the door to goodbye.")
    step_minutes = _rule("Viewings start every", "step_minutes", "Counted from the start of the working hours.")
    buffer_minutes = _rule("Kept free after each", "buffer_minutes", "Time to get to the next home.")
    notice_minutes = _rule("Shortest notice", "notice_minutes", "Callers cannot book sooner than this.")
    horizon_days = _rule("Bookable ahead", "horizon_days", "Callers are offered no later day.")
    daily_cap = _rule("Most viewings a day", "daily_cap", "Empty for no limit.", optional=True)

    def offer(self, people: Iterable[Person] | None, zone: str) -> None:
        """Fill the lists to choose from.

        Args:
            people: who may look after an agent; None where that is not the viewer's to say.
            zone: the agent's time zone, offered whatever it is.
        """
        self.time_zone.choices = zone_choices(zone)
        if people is None:
            self._people: dict[str, str] = {}
            del self.user_id
        else:
            self._people = {"": "Nobody in particular", **{str(p.user_id): p.label for p in people}}
            self.user_id.choices = list(self._people.items())

    def show(self, agent: Agent) -> None:
        """Fill in what is known of an agent."""
        for name, value in vars(Profile.of(agent)).items():
            if name in self:
                self[name].data = value
        if "user_id" in self:
            self.user_id.data = str(agent.user_id or "")
        self.show_state(agent)

    def show_conflict(self, agent: Agent, entries: Sequence[Entry]) -> None:
        """Say who saved what meanwhile, at each field; everything typed stays, and the next sending is on purpose.

        Args:
            agent: as it is now.
            entries: what the audit log says about it since this form was opened.
        """
        typed, stored = validated(self.profile()), Profile.of(agent)
        saver = {name: entry.actor for entry in entries for name in entry.change.after}
        for name in Profile.__dataclass_fields__:
            if name in self and (not entries or name in saver) and getattr(stored, name) != getattr(typed, name):
                by = f" by {saver[name]}" if name in saver else ""
                self[name].errors = [*self[name].errors, f"Saved meanwhile{by}: {self._display_value(name, stored)}."]
        self.show_state(agent)

    def _display_value(self, name: str, stored: Profile) -> str:
        value = getattr(stored, name)
        choices = {"user_id": self._people, "time_zone": COMMON_ZONES}.get(name, {})
        return choices.get(str(value or ""), "nothing" if value is None else str(value))

    def profile(self) -> Profile:
        """Give what was filled in, once it is valid."""
        values = {name: self[name].data for name in Profile.__dataclass_fields__ if name in self}
        values["user_id"] = int(values["user_id"]) if values.get("user_id") else None
        return Profile(**values)


def zone_choices(current: str) -> dict[str, list[tuple[str, str]]]:
    """Give every time zone that is a place, by continent, the usual ones and `current` first."""
    usual = list({current: COMMON_ZONES.get(current, zone_city(current)), **COMMON_ZONES}.items())
    named = {zone for zone, _ in usual}
    others = {
        continent: [choice for choice in choices if choice[0] not in named]
        for continent, choices in _zones_by_continent().items()
    }
    return {"Often used": usual, **others}


@cache
def _zones_by_continent() -> dict[str, list[tuple[str, str]]]:
    grouped: dict[str, list[tuple[str, str]]] = {continent: [] for continent in CONTINENTS}
    for zone in sorted(available_timezones()):
        continent, _, rest = zone.partition("/")
        if continent in grouped and rest:
            grouped[continent].append((zone, rest.replace("_", " ")))
    return grouped
