"""Pages of the calls: list, one call, and its whole transcript as plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.appointments.understanding import explain_tool_calls
from peterental.calls.model import MAX_PROBLEMS_COUNTED, PROBLEMS_STAY_OPEN, UNASSIGNED, CallFilter
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.services import services_of
from peterental.voice.tool_registry import ARGUMENT_LABELS
from peterental.web.calls import labels
from peterental.web.calls.forms import HandledForm
from peterental.web.calls.transcript import as_text, conversation, truncate
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.months import month_links
from peterental.web.shell.query_params import QueryParams, utc_bounds
from peterental.web.shell.session import current_viewer
from peterental.web.shell.template_filters import format_iso, html_bytes, phone_number, truncate_bytes

if TYPE_CHECKING:
    from peterental.agents.model import AgentName
    from peterental.appointments.date_parsing import Explanation
    from peterental.calls.model import Call, CallRecord, ToolCall

LAST_PAGE = 100
"""The last page that can be opened, a few thousand calls back. The date filter leads to older ones."""

CONVERSATION_BYTES = 20_000
TOOL_CALLS_BYTES = 16_000
SUMMARY_BYTES = 3_000
ANSWER_BYTES = 1_000
RECEIVED_BYTES = 1_500
VALUE_BYTES = 200
MAX_VALUES = 12
MAX_RECORDINGS = 6
MAX_URL_CHARS = 2_000
"""The parts of one call on a page of at most 60 KB."""

STEP_MARKUP_BYTES = 800


@dataclass(frozen=True)
class TimelineStep:
    """A tool call in the timeline."""

    call: ToolCall
    asked: tuple[tuple[str, str], ...]
    received: str
    answer: str
    understood: str
    """How the times in it were read; empty where it had none."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the calls' pages."""
    blueprint = Blueprint("calls", __name__, template_folder="templates", url_prefix="/calls")
    blueprint.add_url_rule("", view_func=index)
    # Vapi's ids are UUIDs today, but Vapi does not promise that they never contain a slash.
    blueprint.add_url_rule("/<path:vapi_call_id>", view_func=show)
    blueprint.add_url_rule("/<path:vapi_call_id>/transcript", view_func=transcript)
    blueprint.add_url_rule("/<path:vapi_call_id>/handled", view_func=handle, methods=["POST"])
    blueprint.add_url_rule("/<path:vapi_call_id>/open", view_func=reopen, methods=["POST"])
    return blueprint


def index() -> str:
    """List the calls, latest first, and count those with an open problem. Runs two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    params = QueryParams(request.args)
    agents = services.agents.names(viewer, params.text("agent"))
    config = config_of(current_app)
    wanted, chosen = parse_filter(params, agents, config.office_zone, with_unassigned=viewer.is_admin)
    page, now = params.page(LAST_PAGE), utc_now()
    today = now.astimezone(config.office_zone).date()
    return render_template(
        "calls/index.html",
        listing=services.calls.listing(viewer, wanted, page=page),
        many_problems=MAX_PROBLEMS_COUNTED,
        problems_from=today - PROBLEMS_STAY_OPEN,
        agents=agents,
        chosen=chosen,
        warnings=params.warnings,
        page=page,
        last_page=LAST_PAGE,
        unassigned=UNASSIGNED,
        months=month_links(today, chosen, with_next=False),
        now=now,
        labels=labels,
        keep_calls_days=config.keep_calls_days,
    )


def show(vapi_call_id: str) -> str:
    """Show one call.

    Runs two queries, and a third for the agent's rules if tools were used.
    """
    return _page(vapi_call_id, HandledForm())


def _page(vapi_call_id: str, form: HandledForm) -> str:
    viewer, services, now = current_viewer(), services_of(current_app), utc_now()
    record = services.calls.record(vapi_call_id, viewer)
    turns = conversation(record.call)
    shown = truncate(turns, CONVERSATION_BYTES)
    agent_id = record.summary.agent_id if record.tool_calls else None
    agent = services.agents.get(agent_id, viewer) if agent_id else None
    understood = explain_tool_calls(record.tool_calls, agent) if agent else {}
    found = record.summary.problems(now)
    steps = steps_of(record.tool_calls, record.summary.zone, understood)
    return render_template(
        "calls/show.html",
        call=record.call,
        summary=record.summary,
        call_summary=truncate_bytes(record.call.summary or "", SUMMARY_BYTES),
        turns=shown,
        has_more_turns=shown != turns,
        problems=[labels.problem_sentence(problem, record.summary, record.tool_calls, now) for problem in found],
        form=form,
        steps=steps,
        more_steps=len(record.tool_calls) - len(steps),
        analysis=_analysis_rows(record),
        recordings=_recording_links(record.call),
        now=now,
        labels=labels,
    )


@preserves_form
def handle(vapi_call_id: str) -> Response | str | tuple[str, int]:
    """Mark the problems of a call as handled."""
    form = HandledForm()
    if not form.validate_on_submit():
        return _page(vapi_call_id, form), 400
    services_of(current_app).call_reviews.set_handled(
        vapi_call_id, current_viewer(), handled=True, note=form.note.data or ""
    )
    flash("The call was marked as handled.", "done")
    return redirect(url_for("calls.show", vapi_call_id=vapi_call_id), 303)


def reopen(vapi_call_id: str) -> Response:
    """Undo marking a call as handled."""
    services_of(current_app).call_reviews.set_handled(vapi_call_id, current_viewer(), handled=False)
    flash("The call is open again.", "done")
    return redirect(url_for("calls.show", vapi_call_id=vapi_call_id), 303)


def transcript(vapi_call_id: str) -> Response:
    """Return the whole transcript of a call as plain text. Runs two queries."""
    record = services_of(current_app).calls.record(vapi_call_id, current_viewer())
    return Response(as_text(record.call) + "\n", content_type="text/plain; charset=utf-8")


def parse_filter(
    params: QueryParams, agents: Sequence[AgentName], zone: ZoneInfo, *, with_unassigned: bool
) -> tuple[CallFilter, dict[str, str]]:
    """Parse the filter of the list; an invalid parameter is ignored with a warning.

    Args:
        params: `q`, `agent`, `flag`, `from` and `to` (days, both included).
        agents: the agents to choose from.
        zone: the time zone of the days if no agent is chosen.
        with_unassigned: whether calls without an agent may be chosen.

    Returns the filter and its query parameters.
    """
    known = [agent.agent_id for agent in agents] + ([UNASSIGNED] if with_unassigned else [])
    agent_id = params.choice("agent", known, "There is no agent {}. The list shows all agents.") or ""
    flag = params.choice("flag", labels.FILTERS, "There is no problem {}. The list shows all calls.")
    first, last = params.days()
    zone = next((agent.zone for agent in agents if agent.agent_id == agent_id), zone)
    chosen = {
        "q": params.text("q"),
        "agent": agent_id,
        "flag": flag,
        "from": first and first.isoformat(),
        "to": last and last.isoformat(),
    }
    since, until = utc_bounds(first, last, zone)
    wanted = CallFilter(agent_id=agent_id, flag=flag, since=since, until=until, text=params.text("q"))
    return wanted, {name: value for name, value in chosen.items() if value}


def steps_of(
    tool_calls: Sequence[ToolCall], zone: ZoneInfo, understood: Mapping[str, Explanation]
) -> list[TimelineStep]:
    """Return the first tool calls that fit into the page as timeline steps.

    Args:
        tool_calls: in the order they were answered.
        zone: in which moments are shown.
        understood: how the times were read, by the tool call's id.
    """
    steps: list[TimelineStep] = []
    budget_bytes = TOOL_CALLS_BYTES
    for call in tool_calls:
        asked = tuple(_argument_row(name, value, zone) for name, value in list(call.arguments.items())[:MAX_VALUES])
        received = (
            truncate_bytes(json.dumps(call.arguments, ensure_ascii=False, indent=2), RECEIVED_BYTES) if asked else ""
        )
        explanation = understood.get(call.tool_call_id)
        lines = truncate_bytes("\n".join(explanation.lines), RECEIVED_BYTES) if explanation else ""
        step = TimelineStep(call, asked, received, truncate_bytes(call.answer, ANSWER_BYTES), lines)
        budget_bytes -= STEP_MARKUP_BYTES + html_bytes(step.answer) + html_bytes(received) + html_bytes(lines)
        budget_bytes -= sum(html_bytes(n) + html_bytes(v) + 60 for n, v in asked)
        if budget_bytes < 0:
            break
        steps.append(step)
    return steps


def _argument_row(name: str, value: object, zone: ZoneInfo) -> tuple[str, str]:
    """Return the label and the text of a tool call's argument."""
    if name == "attendee_phone" and isinstance(value, str):
        value = phone_number(value, zone)
    _, text = _format_value(name, value, zone)
    return ARGUMENT_LABELS.get(name) or truncate_bytes(name, VALUE_BYTES), text


def _format_value(name: str, value: object, zone: ZoneInfo) -> tuple[str, str]:
    """Return the label and the text of an argument or of a field of structured data."""
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, str):
        text = format_iso(value, zone)
    else:
        text = "nothing" if value is None else json.dumps(value, ensure_ascii=False)
    return truncate_bytes(name.replace("_", " "), VALUE_BYTES), truncate_bytes(text, VALUE_BYTES)


def _analysis_rows(record: CallRecord) -> list[tuple[str, str]]:
    """Return Vapi's analysis, except for the summary, as labels and texts."""
    found: dict[str, Any] = {}
    if record.call.success_evaluation:
        found["The call was"] = labels.evaluation(record.call.success_evaluation)
    data = record.call.structured_data
    fields = data if isinstance(data, dict) else {} if data is None else {"Structured data": data}
    for name, value in fields.items():
        if isinstance(value, dict):
            found.update({f"{name}: {field}": inner for field, inner in value.items()})
        elif value != record.call.summary:
            found[name] = value
    return [_format_value(name, value, record.summary.zone) for name, value in list(found.items())[:MAX_VALUES]]


def _recording_links(call: Call) -> list[tuple[str, str]]:
    """Return labels and URLs of the recordings, the one to play first.

    Each URL occurs once.
    """
    others = call.recordings if isinstance(call.recordings, dict) else {}
    links = {_safe_link(call.recording_url): "Play the recording"}
    for field, url in others.items():
        if len(str(url)) > MAX_URL_CHARS:
            continue
        links.setdefault(_safe_link(url), _recording_label(field))
    return [(label, url) for url, label in links.items() if url is not None][:MAX_RECORDINGS]


def _recording_label(field: str) -> str:
    """Return the label of another recording from its field in the report."""
    part = next((label for word, label in labels.RECORDINGS.items() if word in field.lower()), None)
    return f"Recording: {part}" if part else "Another recording"


def _safe_link(url: object) -> str | None:
    """Return an HTTP or HTTPS URL; None for any other, such as `javascript:`."""
    return url if isinstance(url, str) and url.lower().startswith(("https://", "http://")) else None
