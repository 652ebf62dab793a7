"""Roles hold in the services, not only on the pages: every public method of every service is walked through.

Whoever adds a method either lets it take a `viewer` or says here why nobody's rights are asked for.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from peterental import demo
from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.listing.model import Filter
from peterental.appointments.manual.model import NewBooking, WallClockTime
from peterental.calls.model import CallFilter
from peterental.database.pool import Database
from peterental.errors import Forbidden, NotFound, Refusal
from peterental.messages.model import MessageFilter
from peterental.services import Services, build_services

WORDS = "correct horse battery"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date()

ON_THE_PHONE = "a caller's assistant, whom the webhook's secret lets in"
ALREADY_ASKED = "given what the viewer was given"
THE_WAY_IN = "nobody is signed in yet, or it is a password that decides"
INSIDE = "a part of another service's work, which asks"

WITHOUT_VIEWER = {
    "agents.changes_since": ALREADY_ASKED,
    "agents.find": ON_THE_PHONE,
    "appointments.availability": ON_THE_PHONE,
    "appointments.book": ON_THE_PHONE,
    "appointments.cancel": ON_THE_PHONE,
    "appointments.find": ON_THE_PHONE,
    "appointments.reschedule": ON_THE_PHONE,
    "audit.record": INSIDE,
    "audit.since": ALREADY_ASKED,
    "calendar.conflicts": ALREADY_ASKED,
    "calendar.summaries": ALREADY_ASKED,
    "calendar.upcoming": ALREADY_ASKED,
    "calls.begin": INSIDE,
    "calls.get": INSIDE,
    "calls.heard": ON_THE_PHONE,
    "calls.keep": INSIDE,
    "calls.record_tool_call_alone": INSIDE,
    "calls.take_message": ON_THE_PHONE,
    "calls.tool_calls": INSIDE,
    "calls.weekly_counts": ALREADY_ASKED,
    "hours.busy_blocks": ALREADY_ASKED,
    "hours.date_overrides": ALREADY_ASKED,
    "hours.today": ALREADY_ASKED,
    "users.has_users": THE_WAY_IN,
    "users.create": "the command line, which only operators reach",
    "users.redeem_grant": THE_WAY_IN,
    "users.user_of_grant": THE_WAY_IN,
    "users.set_password": "the command line, which only operators reach",
    "users.create_first_admin": THE_WAY_IN,
    "users.sign_in": THE_WAY_IN,
    "users.check_setup_link": THE_WAY_IN,
    "users.viewer": THE_WAY_IN,
}
"""Why these take no viewer."""

FILTERS = {"calls": CallFilter(), "listing": Filter(), "messages": MessageFilter()}
"""What narrows nothing."""

ONES_OWN = {"users.change_password", "users.sign_out_everywhere"}
"""What everybody does for their own account alone."""


@dataclass(frozen=True)
class Method:
    """A public method of a service."""

    name: str
    call: Callable[..., Any]

    @property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """By name."""
        return dict(inspect.signature(self.call).parameters)


def methods(services: Services) -> Iterator[Method]:
    for field in fields(services):
        service = getattr(services, field.name)
        for name, method in inspect.getmembers(service, inspect.ismethod):
            if not name.startswith("_"):
                yield Method(f"{field.name}.{name}", method)


@pytest.fixture
def services(database: Database) -> Services:
    return build_services(database)


@pytest.fixture
def examples(services: Services, database: Database) -> dict[str, Any]:
    """An example of each parameter; what it names belongs to somebody else."""
    admin = services.users.create("office@example.com", WORDS, "admin")
    demo.load_if_empty(services, database)
    busy = services.hours.add_busy_block(
        "nora-castillo", BusyBlockRequest(first_day=TOMORROW, last_day=TOMORROW), admin
    )
    services.hours.add_override("nora-castillo", DateOverride(day=TOMORROW, windows=()), admin)

    def first(query: str) -> Any:
        return next(iter(database.fetch(query)[0].values()))

    when = WallClockTime(day=TOMORROW, clock_min=600)
    return {
        "action": "cancel",
        "active": False,
        "agent_id": "nora-castillo",
        "appointment_id": first("SELECT id FROM appointments WHERE agent_id = 'nora-castillo' LIMIT 1"),
        "busy_id": busy.busy_id,
        "day": TOMORROW,
        "done": True,
        "email": "eve@example.com",
        "entry": NewBooking(
            agent_id="nora-castillo", when=when, key="k" * 32, property_address="1 Elm Street", attendee_name="Eve"
        ),
        "limit": 10,
        "message_id": first("SELECT message_id FROM messages LIMIT 1"),
        "minutes": 600,
        "other": DateOverride(day=date(2030, 1, 1), windows=()),
        "profile": Profile(agent_name="Eve"),
        "role": "admin",
        "user_id": admin.user_id,
        "user_ids": [admin.user_id],
        "seen": None,
        "vapi_call_id": first("SELECT vapi_call_id FROM calls WHERE agent_id = 'nora-castillo' LIMIT 1"),
        "week": [[Window(0, 60)] for _ in range(7)],
        "when": when,
        "wish": BusyBlockRequest(first_day=TOMORROW, last_day=TOMORROW),
    }


def arguments(method: Method, examples: dict[str, Any]) -> dict[str, Any]:
    """Give what to call a method with; a filter is the one that narrows nothing."""
    needed = {
        name
        for name, parameter in method.parameters.items()
        if name != "viewer" and parameter.default is parameter.empty
    }
    service = method.name.partition(".")[0]
    return {name: FILTERS[service] if name == "wanted" else examples[name] for name in needed}


def outcome(method: Method, viewer: Viewer, examples: dict[str, Any]) -> tuple[str, int]:
    """Give what a viewer gets from a method, as text, and what the page of a refusal would answer."""
    try:
        given = method.call(viewer=viewer, **arguments(method, examples))
        return repr(list(given) if isinstance(given, Iterator) else given), 200
    except Refusal as refusal:
        return str(refusal), 404 if isinstance(refusal, NotFound) else 403 if isinstance(refusal, Forbidden) else 409


def everything(database: Database) -> str:
    """Give all that is kept."""
    tables = database.fetch(
        """
        SELECT table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
        """
    )
    return json.dumps(
        {
            row["table_name"]: [
                line["kept"] for line in database.fetch(f"SELECT t::text AS kept FROM {row['table_name']} t ORDER BY 1")
            ]
            for row in tables
        }
    )


def test_every_method_asks_who_it_is_for_or_says_why_not(services: Services) -> None:
    without = {method.name for method in methods(services) if "viewer" not in method.parameters}
    assert without == set(WITHOUT_VIEWER)


def test_a_user_with_no_agent_sees_nothing_and_changes_nothing(
    services: Services, database: Database, examples: dict[str, Any]
) -> None:
    eve = services.users.create("eve.adams@example.com", WORDS, "agent")
    before = everything(database)
    names = [row["name"] for row in database.fetch("SELECT attendee_name AS name FROM appointments")]
    names += ["Nora Castillo", "Ben Whitfield", "office@example.com"]
    asked = 0
    for method in methods(services):
        if "viewer" not in method.parameters or method.name in ONES_OWN:
            continue
        asked += 1
        shown, status = outcome(method, eve, examples)
        assert status in {200, 403, 404}, (method.name, shown)
        assert [name for name in names if name in shown] == [], method.name
    assert asked > 25
    assert everything(database) == before


def test_the_same_is_there_for_an_admin(services: Services, examples: dict[str, Any]) -> None:
    """So that the test before is not one of methods that never give anything."""
    admin = Viewer(user_id=examples["user_id"], email="office@example.com", is_admin=True)
    for method in methods(services):
        parameters = method.parameters
        if "viewer" in parameters and method.name.rpartition(".")[2] in {"get", "listing", "page", "record", "week"}:
            assert method.call(viewer=admin, **arguments(method, examples)), method.name
