"""Forms of the settings of notices, of a wording, and of a test send."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Any

from wtforms import BooleanField, Field, HiddenField, SelectField, StringField, TextAreaField, TimeField
from wtforms.fields import SelectChoice
from wtforms.validators import StopValidation

from peterental.audit.model import AuditEntry
from peterental.notices.model import NoticeSettings, StoredSettings
from peterental.notices.settings import MAX_NAME_CHARS, RELEASE_HOURS
from peterental.notices.wording.model import MAX_BODY_CHARS, MAX_SUBJECT_CHARS
from peterental.plural import counted
from peterental.web.shell.forms import PageForm, VersionedForm, required, up_to

MAX_RECIPIENT_CHARS = 254


def _require_time(form: PageForm, field: Field) -> None:
    """Check that a time was entered; an invalid one already has an error."""
    del form
    if field.data is None and not field.errors:
        raise StopValidation("Enter a time such as 20:00.")


_require_time.field_flags = {"required": True}  # type: ignore[attr-defined]  # WTForms reads this attribute


class ClockField(TimeField):  # type: ignore[misc]  # WTForms has no types
    """A time of day; browsers may send seconds."""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Parse the entry; empty becomes None."""
        self.data: Any = None
        entered = valuelist[0].strip() if valuelist else ""
        if entered:
            try:
                self.data = time.fromisoformat(entered)
            except ValueError as error:
                raise ValueError("Enter a time such as 20:00.") from error
            if self.data.tzinfo is not None:
                self.data = None
                raise ValueError("Enter a time such as 20:00.")


class SettingsForm(VersionedForm):
    """What the office sends, and when that last changed."""

    office_name = StringField(
        "Name of the office",
        description="Every text begins with it, and e-mails come from it.",
        validators=[required("Enter the name of the office."), up_to(MAX_NAME_CHARS)],
        render_kw={"autocomplete": "organization"},
    )
    texts_visitors = BooleanField("Text visitors")
    mails_visitors = BooleanField("E-mail visitors who left an address")
    reminds_day_before = BooleanField("Remind a day before, and ask to confirm")
    reminds_hours_before = BooleanField("Remind two hours before")
    follows_up_no_shows = BooleanField("Write once after a no-show")
    release_hours = SelectField(
        "Release viewings that the visitor did not confirm",
        description="The time becomes free. The visitor is notified, and can take it back for 30 minutes. Visitors"
        " who got no reminder a day before keep their viewing.",
        choices=[
            SelectChoice("", "Never"),
            *(SelectChoice(str(hours), f"{counted(hours, 'hour')} before") for hours in RELEASE_HOURS),
        ],
    )
    quiet_from = ClockField(
        "Quiet hours begin",
        description="On the agent's clock. Only answers to what a visitor just did are sent until they end.",
        validators=[_require_time],
    )
    quiet_until = ClockField("Quiet hours end", validators=[_require_time])
    list_at = ClockField("Morning list of agents", validators=[_require_time])

    def settings(self) -> NoticeSettings:
        """Return the settings in a valid form."""
        values = {name: self[name].data for name in NoticeSettings.__dataclass_fields__ if name != "release_hours"}
        hours = self.release_hours.data
        return NoticeSettings(**values, release_hours=int(hours) if hours else None)

    def show_conflict(self, stored: StoredSettings, entries: Sequence[AuditEntry]) -> None:
        """Add the stored value, and who saved it, to every field that differs.

        The entries stay in the form, and sending it again overwrites the stored values.

        Args:
            stored: the present settings.
            entries: the audit log of the settings since this form was opened.
        """
        typed, saver = self.settings(), {name: entry.actor for entry in entries for name in entry.change.after}
        for name in NoticeSettings.__dataclass_fields__:
            value = getattr(stored.settings, name)
            if value != getattr(typed, name):
                by = f" by {saver[name]}" if name in saver else ""
                self[name].errors = [*self[name].errors, f"Now saved{by}: {_words(value)}."]
        self.show_version(stored.updated_at)


def _words(value: object) -> str:
    """Return a setting in words."""
    if value is None:
        return "never"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, time):
        return f"{value:%H:%M}"
    return f"{counted(value, 'hour')} before" if isinstance(value, int) else str(value)


class WordingForm(PageForm):
    """The wording of an e-mail."""

    subject = StringField(
        "Subject",
        validators=[required("Enter the subject."), up_to(MAX_SUBJECT_CHARS)],
        render_kw={"autocomplete": "off"},
    )
    body = TextAreaField(
        "Text", validators=[required("Enter the text."), up_to(MAX_BODY_CHARS)], render_kw={"rows": "14"}
    )
    seen = HiddenField()


class TextWordingForm(PageForm):
    """The wording of a text message."""

    body = TextAreaField(
        "Text", validators=[required("Enter the text."), up_to(MAX_BODY_CHARS)], render_kw={"rows": "5"}
    )
    seen = HiddenField()


class SendTestForm(PageForm):
    """Where a wording is sent as a test."""

    recipient = StringField(
        "Send a test to",
        validators=[required("Enter where to send it."), up_to(MAX_RECIPIENT_CHARS)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
