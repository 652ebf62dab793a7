"""The form to edit a viewing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from wtforms import Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import NumberRange

from peterental.appointments.manual.model import MAX_DURATION_MIN, MAX_NOTES_CHARS, MIN_DURATION_MIN, ViewingEdit
from peterental.phone_numbers import ANY_REGION, readable
from peterental.web.appointments.manual_forms import VisitorForm, seen_token
from peterental.web.shell.forms import WholeNumber, required, up_to

if TYPE_CHECKING:
    from peterental.appointments.listing.model import AgentChoice
    from peterental.appointments.model import Appointment

IN_PAGE = (
    "attendee_name", "attendee_phone", "attendee_email", "property_address", "agent_id", "minutes", "notes",
)  # fmt: skip
"""The fields from top to bottom."""

OF_VIEWING = ("property_address", "agent_id", "minutes")
"""The fields that a viewing which is over or cancelled keeps."""


class EditForm(VisitorForm):
    """Everything about a viewing but its start and its status."""

    property_address = StringField(
        "Home",
        description="Choose a home from the list, or enter another address.",
        validators=[required("Enter the address of the home."), up_to(500)],
        render_kw={"autocomplete": "off", "list": "homes"},
    )
    agent_id = SelectField("Agent", validators=[required("Choose an agent.")], coerce=str)
    minutes = WholeNumber(
        "Length",
        validators=[
            required("Enter the length."),
            NumberRange(
                min=MIN_DURATION_MIN,
                max=MAX_DURATION_MIN,
                message=f"Enter a whole number from {MIN_DURATION_MIN} to {MAX_DURATION_MIN}.",
            ),
        ],
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )
    notes = TextAreaField(
        "Notes",
        description="For the office only. Visitors and calendars do not get them.",
        validators=[up_to(MAX_NOTES_CHARS)],
        render_kw={"rows": "4"},
    )
    acknowledged = HiddenField()
    seen = HiddenField()

    def __iter__(self) -> Iterator[Field]:
        """Yield the fields in the order of the page and of its list of errors."""
        first = [self[name] for name in IN_PAGE if name in self]
        return iter([*first, *(field for field in super().__iter__() if field not in first)])

    def show(self, appointment: Appointment) -> None:
        """Fill the form with a viewing."""
        self.attendee_name.data = appointment.attendee_name
        # With its country code: the agent who reads it back may work in another country.
        self.attendee_phone.data = readable(appointment.attendee_phone or "", ANY_REGION)
        self.attendee_email.data = appointment.attendee_email
        self.property_address.data = appointment.home
        self.agent_id.data = appointment.agent_id
        self.minutes.data = minutes_of(appointment)
        self.notes.data = appointment.notes
        self.seen.data = seen_token(appointment)

    def offer(self, agents: Sequence[AgentChoice], appointment: Appointment) -> None:
        """Set the agents to choose from; the present one is among them."""
        choices = {appointment.agent_id: appointment.agent_name}
        choices |= {agent.agent_id: agent.agent_name for agent in agents}
        self.agent_id.choices = sorted(choices.items(), key=lambda choice: choice[1].casefold())

    def keep_viewing(self) -> None:
        """Remove the fields that cannot be changed any more."""
        for name in OF_VIEWING:
            del self[name]

    def entry(self, appointment: Appointment, homes: Mapping[str, int]) -> ViewingEdit:
        """Return the edit in a valid form.

        Args:
            appointment: as it is; its length stays in seconds if the minutes are not changed.
            homes: the ids of the homes in the catalogue by what the form calls them.
        """
        home, agent_id, minutes = appointment.home, appointment.agent_id, None
        if "property_address" in self:
            home, agent_id = " ".join(self.property_address.data.split()), self.agent_id.data
            minutes = None if self.minutes.data == minutes_of(appointment) else self.minutes.data
        is_same = home == " ".join(appointment.home.split())
        property_id = appointment.property_id if is_same else homes.get(home.casefold())
        return ViewingEdit(
            agent_id=agent_id,
            duration_min=minutes,
            property_address=appointment.property_address if is_same else home,
            property_id=homes.get(home.casefold()) if property_id is None else property_id,
            attendee_name=self.attendee_name.data,
            attendee_email=self.attendee_email.data or None,
            attendee_phone=self.attendee_phone.data or None,
            notes=(self.notes.data or "").replace("\r\n", "\n") or None,
            acknowledged=frozenset((self.acknowledged.data or "").split()),
        )


def minutes_of(appointment: Appointment) -> int:
    """Return the length of a viewing."""
    return round((appointment.end - appointment.start).total_seconds() / 60)
