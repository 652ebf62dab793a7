"""The form of what an agent is notified of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtforms import EmailField, HiddenField, SelectField, TelField
from wtforms.fields import SelectChoice

from peterental.notices.agent_choices.model import CHANNELS, KINDS, LIST, MAX_EMAIL_CHARS, Contact, Timing
from peterental.web.shell.forms import PageForm, up_to

if TYPE_CHECKING:
    from peterental.notices.agent_choices.model import AgentNotices, Choices
    from peterental.notices.model import AgentKind, Channel

MAX_PHONE_CHARS = 40

KIND_LABELS: dict[AgentKind, str] = {
    "agent_booked": "A viewing was booked",
    "agent_moved": "A viewing was moved",
    "agent_changed": "Home or length of a viewing was changed",
    "agent_reassigned": "A viewing was given to another agent",
    "agent_cancelled": "A viewing was cancelled",
    "agent_released": "A viewing was released, because it was not confirmed",
    "agent_urgent_message": "An urgent message",
    "agent_flagged_call": "A call to check",
    "agent_calendar_trouble": "A calendar cannot be read",
    "agent_morning_list": "The morning list",
}
CHANNEL_LABELS: dict[Channel, str] = {"email": "E-mail", "text": "Text"}

_TIMINGS: list[tuple[Timing, str]] = [("now", "At once"), ("morning", "Morning list"), ("off", "Not at all")]
_LIST_TIMINGS: list[tuple[Timing, str]] = [("now", "Daily"), ("off", "Not at all")]


class ContactForm(PageForm):
    """Where an agent is notified."""

    email = EmailField(
        "E-mail",
        validators=[up_to(MAX_EMAIL_CHARS)],
        render_kw={"autocomplete": "off", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    phone = TelField(
        "Phone for texts",
        description="A mobile number with its area code. Without it no texts are sent.",
        validators=[up_to(MAX_PHONE_CHARS)],
        render_kw={"autocomplete": "off"},
    )

    seen = HiddenField()

    @property
    def contact(self) -> Contact:
        """The entered contact."""
        return Contact(email=self.email.data or None, phone=self.phone.data or None)

    @property
    def choices(self) -> Choices:
        """The chosen timing of each kind and channel."""
        return {(kind, channel): self[field_name(kind, channel)].data for kind in KINDS for channel in CHANNELS}

    def show(self, notices: AgentNotices) -> None:
        """Fill the form with what an agent chose."""
        self.email.data, self.phone.data = notices.contact.email, notices.contact.phone
        for (kind, channel), timing in notices.choices.items():
            self[field_name(kind, channel)].data = timing
        self.seen.data = notices.version

    def show_conflict(self, stored: AgentNotices) -> None:
        """Add the stored value to every field that differs.

        The entries stay in the form, and sending it again overwrites the stored values.
        """
        saved = {"email": stored.contact.email or "nothing", "phone": stored.contact.phone or "nothing"}
        typed = {"email": self.email.data or "nothing", "phone": self.phone.data or "nothing"}
        for (kind, channel), timing in stored.choices.items():
            field = self[field_name(kind, channel)]
            labels = dict(_LIST_TIMINGS if kind == LIST else _TIMINGS)
            saved[field.name], typed[field.name] = labels.get(timing, timing), labels.get(field.data, "")
        for name, value in saved.items():
            if value != typed[name]:
                self[name].errors = [*self[name].errors, f"Now saved: {value}."]
        self.seen.data = stored.version


def field_name(kind: AgentKind, channel: Channel) -> str:
    """Return the name of the field of a kind and channel."""
    return f"{kind}_{channel}"


NoticesForm = type(
    "NoticesForm",
    (ContactForm,),
    {
        field_name(kind, channel): SelectField(
            CHANNEL_LABELS[channel],
            choices=[SelectChoice(*timing) for timing in (_LIST_TIMINGS if kind == LIST else _TIMINGS)],
        )
        for kind in KINDS
        for channel in CHANNELS
    },
)
"""Where an agent is notified, and of what: a field for each kind and channel."""
