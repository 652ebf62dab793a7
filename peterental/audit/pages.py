"""The page of the audit log, for admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, current_app, render_template, request

from peterental.admin.address import Address
from peterental.admin.session import current_viewer
from peterental.audit.model import COMMAND_LINE, SubjectKind
from peterental.audit.readable import fields_of
from peterental.services import now, services_of

LAST_PAGE = 1000

KINDS: Mapping[SubjectKind, str] = {
    "agent": "Agents",
    "appointment": "Appointments",
    "message": "Messages",
    "user": "Users",
}
"""What the filter calls each kind of thing."""

PAGE_OF = {
    "agent": ("agents.show", "agent_id"),
    "appointment": ("appointments.show", "appointment_id"),
    "user": ("users.show", "user_id"),
}
"""The page of a thing, by its kind, and what its id is called there."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the address asks for."""

    actor: str
    kind: SubjectKind | None
    subject: str
    page: int

    def address(self, **changed: str | None) -> dict[str, str | None]:
        """Give the address of the same with something changed, at its first page."""
        return {"actor": self.actor or None, "kind": self.kind, "id": self.subject or None, **changed}


def create_blueprint() -> Blueprint:
    """Make the page of the audit log."""
    blueprint = Blueprint("audit", __name__, template_folder="templates")
    blueprint.add_url_rule("/audit", view_func=index)
    return blueprint


def index() -> str:
    """Show who changed what, newest first. Two queries."""
    viewer, services = current_viewer(), services_of(current_app)
    wanted, misread = read_filter(request.args)
    listing = services.audit.listing(
        viewer, actor=wanted.actor, subject_kind=wanted.kind, subject_id=wanted.subject, page=wanted.page
    )
    actors = [*(person.email for person in services.users.people(viewer)), COMMAND_LINE]
    if wanted.actor and wanted.actor not in actors:
        actors.append(wanted.actor)
    return render_template(
        "audit/index.html",
        listing=listing,
        wanted=wanted,
        misread=misread,
        actors=actors,
        kinds=KINDS,
        page_of=PAGE_OF,
        fields_of=fields_of,
        this_year=now().year,
    )


def read_filter(parts: Mapping[str, str]) -> tuple[Wanted, list[str]]:
    """Read what an address asks for, and say what in it is not understood."""
    address = Address(parts)
    wanted = Wanted(
        actor=address.text("actor"),
        kind=address.one_of("kind", KINDS, "Nothing is logged about {}: this is the log of everything."),
        subject=address.text("id"),
        page=address.page(LAST_PAGE),
    )
    return wanted, address.misread
