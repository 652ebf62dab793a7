"""The forms of the tool tester, one per tool with its arguments as fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from wtforms import DateTimeLocalField, Field, SelectField, StringField, TelField, TextAreaField
from wtforms.validators import Optional, ValidationError

from peterental.agents.model import AgentName
from peterental.voice.tool_registry import TOOLS, ArgumentSpec, ToolSpec
from peterental.web.shell.forms import PageForm, up_to

MAX_JSON_CHARS = 20_000
MAX_ARGUMENT_CHARS = 2_000


HINTS: Mapping[str, str] = {
    "property_address": "As a caller says it, for example 1420 Elm Street.",
    "start_time": "As a caller says it (tomorrow at 3) or as an assistant sends it (2026-11-24T15:00).",
    "date": "As a caller says it, for example tomorrow or next Tuesday. Empty: the first free times.",
    "time_of_day": "Morning, afternoon, evening, or a time.",
    "attendee_name": "",
    "attendee_phone": "",
    "attendee_email": "",
    "bedrooms": "For example two, 2BR or a studio.",
    "max_rent": "For example fifteen hundred or $1,500.",
    "area": "A street or a city.",
    "message": "",
}
"""The hint at the field of each argument."""


class ToolTesterForm(PageForm):
    """The agent, the caller, the time of the call, and the arguments as JSON."""

    agent = SelectField("Agent", coerce=str)
    caller_number = TelField(
        "Caller number",
        description="Identifies the caller's bookings. Empty: withheld number.",
        validators=[up_to(40)],
        render_kw={"autocomplete": "off"},
    )
    moment = DateTimeLocalField(
        "Time of the call",
        description="In the agent's time zone. Empty: now.",
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[Optional()],
    )
    raw = TextAreaField(
        "Arguments as JSON",
        description="Replaces the fields above.",
        validators=[up_to(MAX_JSON_CHARS)],
        render_kw={"rows": "5", "spellcheck": "false", "autocapitalize": "none"},
    )

    def validate_raw(self, field: Field) -> None:
        """Check that the text is a JSON object."""
        if not field.data:
            return
        try:
            value = json.loads(field.data)
        except (ValueError, RecursionError):
            raise ValidationError('This is not valid JSON. Enter an object such as {"date": "tomorrow"}.') from None
        if not isinstance(value, dict):
            raise ValidationError('Arguments must be a JSON object such as {"date": "tomorrow"}.')

    def offer(self, agents: Sequence[AgentName]) -> None:
        """Set the agents to choose from."""
        self.agent.choices = [(agent.agent_id, agent.agent_name) for agent in agents]

    def arguments(self, tool: ToolSpec) -> dict[str, Any]:
        """Return the arguments: the JSON object, or else the filled-in fields."""
        if self.raw.data:
            return dict(json.loads(self.raw.data))
        return {spec.name: self[spec.name].data for spec in tool.arguments if self[spec.name].data}

    def now(self, zone: ZoneInfo, default: datetime) -> datetime:
        """Return the entered time of the call in `zone`, or `default`."""
        return self.moment.data.replace(tzinfo=zone) if self.moment.data else default


def form_for(tool: ToolSpec) -> type[ToolTesterForm]:
    """Return the form with a field for each argument of `tool`."""
    return _FORMS[tool.name]


def _argument_field(spec: ArgumentSpec) -> Field:
    kind = TextAreaField if spec.name == "message" else StringField
    return kind(
        spec.label,
        description=HINTS[spec.name],
        validators=[up_to(MAX_ARGUMENT_CHARS)],
        render_kw={"autocomplete": "off"},
    )


_FORMS = {
    tool.name: type("ToolForm", (ToolTesterForm,), {spec.name: _argument_field(spec) for spec in tool.arguments})
    for tool in TOOLS
}
