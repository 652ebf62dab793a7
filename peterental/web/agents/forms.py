"""The form of an agent's profile and booking rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from wtforms import Field, SelectField, StringField, TelField
from wtforms.fields import SelectChoice
from wtforms.validators import NumberRange, Optional, ValidationError

from peterental.agents.model import RULE_LIMITS, Agent, Profile
from peterental.agents.service import MAX_CHARS, is_time_zone, validated
from peterental.audit.model import AuditEntry
from peterental.line.model import is_uuid
from peterental.phone_numbers import DEFAULT_REGION, normalise, region_of
from peterental.users.model import UserChoice
from peterental.web.agents.time_zones import SUGGESTED_ZONES, named_zone
from peterental.web.shell.forms import PageForm, VersionedForm, WholeNumber, required, up_to
from peterental.web.shell.template_filters import LANGUAGE_NAMES

VERBATIM_INPUT = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _up_to(name: str) -> Callable[[PageForm, Field], None]:
    return up_to(MAX_CHARS[name])


def _rule(label: str, name: str, description: str = "", *, optional: bool = False) -> WholeNumber:
    limits = RULE_LIMITS[name]
    message = f"Enter a whole number from {limits.low} to {limits.high}."
    return WholeNumber(
        label,
        description=description,
        validators=[
            Optional() if optional else required(message),
            NumberRange(min=limits.low, max=limits.high, message=message),
        ],
        render_kw={"inputmode": "numeric"},
    )


def _check_zone(form: PageForm, field: Field) -> None:
    """Check that the text names a time zone."""
    del form
    if not is_time_zone(field.data):
        raise ValidationError(f"{field.data[:60]} is not a time zone. Enter a name such as America/Chicago.")


class AgentForm(VersionedForm):
    """An agent's profile and booking rules; the fields are named as in `Profile`."""

    agent_name = StringField(
        "Name",
        description="The assistant says this name to callers.",
        validators=[required("Enter a name."), _up_to("agent_name")],
        render_kw={"autocomplete": "off"},
    )
    user_id = SelectField(
        "Owner",
        description="The owner and all admins see this agent and its bookings.",
        coerce=str,
    )
    vapi_assistant_id = StringField(
        "Vapi assistant id",
        description="Leave it empty: setting up the line fills it in. Or copy it from the assistant’s page on Vapi.",  # noqa: RUF001  # an apostrophe
        validators=[_up_to("vapi_assistant_id")],
        render_kw=VERBATIM_INPUT,
    )
    phone_number_id = StringField(
        "Vapi phone number id",
        description="Setting up the line fills it in. It identifies the agent when a call names no assistant.",
        validators=[_up_to("phone_number_id")],
        render_kw=VERBATIM_INPUT,
    )
    handover_number = TelField(
        "Hand-over number",
        description="Callers who ask for a person are transferred here, for example +1 312 555 0142.",
        validators=[_up_to("handover_number")],
        render_kw={"autocomplete": "off"},
    )
    language = SelectField(
        "Language on the phone",
        description="Callers are answered in this language. The assistant on Vapi must speak it too.",
        choices=[SelectChoice(code, name) for code, name in LANGUAGE_NAMES.items()],
        default="en",
    )
    time_zone = StringField(
        "Time zone",
        description="Working hours and spoken times are in this time zone. Type a city or any IANA name.",
        filters=[named_zone],
        validators=[required("Enter a time zone."), _check_zone],
        render_kw={**VERBATIM_INPUT, "list": "time-zones"},
    )
    calendar_user_id = StringField(
        "Calendar user",
        description="The calendar account for the viewings.",
        validators=[_up_to("calendar_user_id")],
        render_kw=VERBATIM_INPUT,
    )
    slot_minutes = _rule("Viewing length", "slot_minutes", "How long one viewing takes.")
    step_minutes = _rule("Start times every", "step_minutes", "Counted from the start of the working hours.")
    buffer_minutes = _rule("Buffer after each viewing", "buffer_minutes", "Travel time to the next home.")
    notice_minutes = _rule("Minimum notice", "notice_minutes", "Callers cannot book a time sooner than this.")
    horizon_days = _rule("Bookable in advance", "horizon_days", "Callers cannot book a later day.")
    daily_cap = _rule("Maximum per day", "daily_cap", "Leave empty for no limit.", optional=True)

    stored: Profile | None = None
    """The profile as stored, whose ids are accepted in whatever form they have."""

    def validate_vapi_assistant_id(self, field: Field) -> None:
        """Check that the id is one of Vapi's, or was there before."""
        self._check_vapi_id(field)

    def validate_phone_number_id(self, field: Field) -> None:
        """Check that the id is one of Vapi's, or was there before."""
        self._check_vapi_id(field)

    def validate_handover_number(self, field: Field) -> None:
        """Check that callers can be transferred to the number, or that it was there before."""
        if field.data and not self._was_stored(field) and normalise(field.data, self._region) is None:
            raise ValidationError("Enter a phone number with its area code, such as +1 312 555 0142.")

    def _check_vapi_id(self, field: Field) -> None:
        if field.data and not self._was_stored(field) and not is_uuid(field.data):
            raise ValidationError("Enter the id as Vapi shows it, such as 6f1c8a3e-2b4d-4c5e-9f60-7a8b9c0d1e2f.")

    def _was_stored(self, field: Field) -> bool:
        return self.stored is not None and getattr(self.stored, field.name) == field.data

    @property
    def _region(self) -> str:
        return region_of(self.time_zone.data) if is_time_zone(self.time_zone.data or "") else DEFAULT_REGION

    def offer(self, people: Iterable[UserChoice] | None) -> None:
        """Set the possible owners; None when the viewer may not choose one."""
        if people is None:
            self._people: dict[str, str] = {}
            del self.user_id
        else:
            self._people = {"": "No owner", **{str(p.user_id): p.label for p in people}}
            self.user_id.choices = list(self._people.items())

    def show(self, agent: Agent) -> None:
        """Fill in the stored values of an agent."""
        for name, value in vars(Profile.from_agent(agent)).items():
            if name in self:
                self[name].data = value
        if "user_id" in self:
            self.user_id.data = str(agent.user_id or "")
        self.show_version(agent.updated_at)

    def show_conflict(self, agent: Agent, entries: Sequence[AuditEntry]) -> None:
        """Add the stored value, and who saved it, to every field that differs.

        The entries stay in the form, and sending it again overwrites the stored values.

        Args:
            agent: its current state.
            entries: the audit log of the agent since this form was opened.
        """
        typed, stored = validated(self.profile()), Profile.from_agent(agent)
        saver = {name: entry.actor for entry in entries for name in entry.change.after}
        for name in Profile.__dataclass_fields__:
            if name in self and (not entries or name in saver) and getattr(stored, name) != getattr(typed, name):
                by = f" by {saver[name]}" if name in saver else ""
                self[name].errors = [*self[name].errors, f"Now saved{by}: {self._display_value(name, stored)}."]
        self.show_version(agent.updated_at)

    def _display_value(self, name: str, stored: Profile) -> str:
        value = getattr(stored, name)
        choices = {"user_id": self._people, "time_zone": SUGGESTED_ZONES, "language": LANGUAGE_NAMES}.get(name, {})
        return choices.get(str(value or ""), "nothing" if value is None else str(value))

    def profile(self) -> Profile:
        """Return the profile in a valid form."""
        values = {name: self[name].data for name in Profile.__dataclass_fields__ if name in self}
        values["user_id"] = int(values["user_id"]) if values.get("user_id") else None
        return Profile(**values)
