"""What people fill in to hear what a caller would hear: one form per tool, with its arguments as fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import DateTimeLocalField, Field, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from peterental.agents.model import AgentName
from peterental.voice.tool_registry import TOOLS, ArgumentSpec, ToolSpec
from peterental.web.shell.forms import PageForm

MAX_JSON_CHARS = 20_000
MAX_ARGUMENT_CHARS = 2_000


HINTS: Mapping[str, str] = {
    "property_address": "As a caller says it: 1420 Elm Street.",
    "start_time": "As a caller says it, or as an assistant writes it: tomorrow at 3, 2026-11-24T15:00.",
    "date": "As a caller says it: tomorrow, next Tuesday. Empty: the first free times.",
    "time_of_day": "Morning, afternoon, evening, or a time.",
    "attendee_name": "",
    "attendee_phone": "",
    "attendee_email": "",
    "message": "",
}
"""What to type for each argument."""


class ToolTesterForm(PageForm):
    """Who is called, by whom, when, and what the assistant asks for."""

    agent = SelectField("Agent", coerce=str)
    caller_number = TelField(
        "Number of the caller",
        description="Bookings are known by it. Empty: a withheld number.",
        validators=[Length(max=40, message="There is room for 40 characters.")],
        render_kw={"autocomplete": "off"},
    )
    moment = DateTimeLocalField(
        "Pretend that it is",
        description="On the clock of the agent. Empty: now.",
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[Optional()],
    )
    raw = TextAreaField(
        "Arguments as JSON",
        description="Used as it stands, in the place of the fields above.",
        validators=[Length(max=MAX_JSON_CHARS, message="That is longer than any assistant sends.")],
        render_kw={"rows": "5", "spellcheck": "false", "autocapitalize": "none"},
    )

    def validate_raw(self, field: Field) -> None:
        """Take only what a tool call can carry."""
        if not field.data:
            return
        try:
            value = json.loads(field.data)
        except (ValueError, RecursionError):
            raise ValidationError('That is not JSON. It should look like {"date": "tomorrow"}.') from None
        if not isinstance(value, dict):
            raise ValidationError('Arguments have names: it should look like {"date": "tomorrow"}.')

    def offer(self, agents: Sequence[AgentName]) -> None:
        """Offer these agents."""
        self.agent.choices = [(agent.agent_id, agent.agent_name) for agent in agents]

    def arguments(self, tool: ToolSpec) -> dict[str, Any]:
        """Give what the assistant asks with: the JSON, or else the fields that are filled in."""
        if self.raw.data:
            return dict(json.loads(self.raw.data))
        return {spec.name: self[spec.name].data for spec in tool.arguments if self[spec.name].data}

    def now(self, zone: ZoneInfo, otherwise: datetime) -> datetime:
        """Give the pretended moment, on the wall clock of `zone`, or else the real one."""
        return self.moment.data.replace(tzinfo=zone) if self.moment.data else otherwise


def form_for(tool: ToolSpec) -> type[ToolTesterForm]:
    """Give the form with a field for every argument of `tool`."""
    return _FORMS[tool.name]


def _argument_field(spec: ArgumentSpec) -> Field:
    kind = TextAreaField if spec.name == "message" else StringField
    return kind(
        spec.label,
        description=HINTS[spec.name],
        validators=[Length(max=MAX_ARGUMENT_CHARS, message=f"There is room for {MAX_ARGUMENT_CHARS} characters.")],
        render_kw={"autocomplete": "off"},
    )


_FORMS = {
    tool.name: type("RehearsalForm", (ToolTesterForm,), {spec.name: _argument_field(spec) for spec in tool.arguments})
    for tool in TOOLS
}
