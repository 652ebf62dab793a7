"""The page on which an admin chooses whom a line books for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from wtforms import HiddenField, SelectField
from wtforms.fields import SelectChoice

from peterental.access import require_admin
from peterental.agents.shared_lines.model import (
    MAX_MEMBERS,
    MemberInactive,
    MemberUnknown,
    SharingChanged,
    TooManyMembers,
)
from peterental.services import Services, services_of
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.agents.model import AgentName
    from peterental.agents.shared_lines.model import Choice, LineSharing

CHOICE_LABELS: dict[Choice, str] = {
    "first_free": "The first in order who is free",
    "round_robin": "In turn: of those who are free, the one booked longest ago",
}

LAST = 10**6
"""The order of an agent that has none: after all others, by name."""

MAX_ORDER_CHARS = 4


class SharingForm(PageForm):
    """How an agent is chosen, and the version of what the page showed. The agents are fields of the page itself."""

    choice = SelectField("Who is booked at a time", choices=[SelectChoice(*each) for each in CHOICE_LABELS.items()])
    seen = HiddenField()

    def show(self, sharing: LineSharing) -> None:
        """Fill in what is saved."""
        self.choice.data = sharing.choice
        self.seen.data = sharing.updated_at.isoformat() if sharing.updated_at else ""

    @property
    def seen_at(self) -> datetime | None:
        """When the sharing that the page showed was last changed; None: never."""
        try:
            return datetime.fromisoformat(self.seen.data or "")
        except ValueError:
            return None


@dataclass(frozen=True)
class Row:
    """An agent in the list.

    Args:
        agent: who.
        is_ticked: whether the line books for it.
        order: as typed.
        last_booked_at: when the line last booked it.
    """

    agent: AgentName
    is_ticked: bool
    order: str
    last_booked_at: datetime | None = None


def add_routes(blueprint: Blueprint, page: str) -> None:
    """Add the page to the blueprint of lines.

    Args:
        blueprint: of the pages of lines.
        page: the path of an agent's line.
    """
    blueprint.add_url_rule(f"{page}/sharing", view_func=sharing, methods=["GET", "POST"])


@preserves_form
def sharing(agent_id: str) -> Answer:
    """Show and save whom a line books for. Two queries to show."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    form = SharingForm()
    if form.validate_on_submit():
        choice = cast("Choice", form.choice.data)
        try:
            saved = services.shared_lines.share(agent_id, _ticked(), choice, viewer, seen=form.seen_at)
        except SharingChanged as refusal:
            form.add_error(refusal)
            form.seen.data = form.seen.raw_data = None
            return _page(agent_id, form, is_stale=True)
        except (MemberUnknown, MemberInactive, TooManyMembers) as refusal:
            form.add_error(refusal)
        else:
            flash(_saved_message(saved), "done")
            return redirect(url_for("line.show", agent_id=agent_id), 303)
    return _page(agent_id, form)


def _page(agent_id: str, form: SharingForm, *, is_stale: bool = False) -> Answer:
    viewer, services = current_viewer(), _services()
    found = services.shared_lines.sharing(agent_id, viewer)
    if is_stale or not form.is_submitted():
        form.show(found)
    rows = _rows(found, services.agents.names(viewer, agent_id), is_sent=form.is_submitted() and not is_stale)
    body = render_template(
        "line/sharing.html",
        agent=found.holder,
        sharing=found,
        form=form,
        rows=rows,
        max_members=MAX_MEMBERS,
    )
    return body, form_status(form)


def _rows(sharing: LineSharing, names: Sequence[AgentName], *, is_sent: bool) -> list[Row]:
    """Return the agents to choose from: those of the line in order, its holder, then the other active ones by name."""
    members = {each.agent_id: each for each in sharing.members}
    others = sorted(
        (each for each in names if each.agent_id not in members and each.is_active),
        key=lambda each: each.agent_id != sharing.holder.agent_id,
    )
    ticked = set(_ticked()) if is_sent else set(members) or {sharing.holder.agent_id}
    places = {each.agent_id: str(place) for place, each in enumerate(sharing.members, 1)}
    return [
        Row(
            agent=each,
            is_ticked=each.agent_id in ticked,
            order=_typed_order(each.agent_id) if is_sent else places.get(each.agent_id, ""),
            last_booked_at=members[each.agent_id].last_booked_at if each.agent_id in members else None,
        )
        for each in (*sharing.members, *others)
    ]


def _ticked() -> list[str]:
    """Return the agents that were ticked, in the order that was typed; those without one last, as they were listed."""
    return sorted(request.form.getlist("books"), key=lambda agent_id: _number(_typed_order(agent_id)))


def _typed_order(agent_id: str) -> str:
    return request.form.get(f"order-{agent_id}", "").strip()[:MAX_ORDER_CHARS]


def _number(order: str) -> int:
    return int(order) if order.isascii() and order.isdigit() else LAST


def _saved_message(sharing: LineSharing) -> str:
    if not sharing.is_shared:
        return f"The line books for {sharing.holder.agent_name} only."
    return f"The line books for {', '.join(each.agent_name for each in sharing.members)}."


def _services() -> Services:
    return services_of(current_app)
