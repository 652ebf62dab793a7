"""The form to mark a call as handled."""

from __future__ import annotations

from wtforms import StringField

from peterental.calls.model import MAX_HANDLED_NOTE_CHARS
from peterental.web.shell.forms import PageForm, up_to


class HandledForm(PageForm):
    """What was done about the problems of a call."""

    note = StringField("Note", validators=[up_to(MAX_HANDLED_NOTE_CHARS)], render_kw={"autocomplete": "off"})
