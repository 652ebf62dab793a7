"""The navigation: tabs, and entries that narrow screens show under "More"."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class NavItem:
    """A page that the navigation leads to.

    Args:
        endpoint: of the page; the entry is omitted when the application has no such endpoint.
        label: its text.
        icon: the name of a file in `templates/shell/icons/`, without `.svg`.
        for_admins: whether only admins see it.
        also: the endpoints of further pages that belong to it, although another entry comes first in their blueprint.
    """

    endpoint: str
    label: str
    icon: str
    for_admins: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Navigation:
    """The entries that one viewer sees on one page."""

    tabs: tuple[NavItem, ...]
    more: tuple[NavItem, ...]
    current: NavItem | None


TABS = (
    NavItem(
        "agents.index",
        "Agents",
        "agents",
        also=(
            "calendars.show",
            "calendars.connect_address",
            "calendars.connect_caldav",
            "calendars.begin_sign_in",
            "calendars.disconnect",
            "line.show",
            "line.choose",
            "line.test",
        ),
    ),
    NavItem("appointments.index", "Appointments", "appointments"),
    NavItem("calls.index", "Calls", "calls"),
    NavItem("messages.index", "Messages", "messages"),
)
"""The pages used every day. A phone has room for four tabs and "More"."""

MORE = (
    NavItem("homes.index", "Homes", "home"),
    NavItem("tool_tester.index", "Rehearsal", "tool_tester"),
    NavItem("notices.outbox", "Outbox", "outbox", also=("notices.letter", "notices.retry")),
    NavItem(
        "notices.settings",
        "Settings",
        "settings",
        for_admins=True,
        also=(
            "notices.wordings",
            "notices.edit_wording",
            "notices.send_test",
            "line.index",
            "line.connect",
            "line.disconnect",
        ),
    ),
    NavItem("users.index", "Users", "users", for_admins=True),
    NavItem("audit.index", "Audit log", "audit", for_admins=True),
    NavItem("privacy.index", "Privacy", "privacy", for_admins=True),
    NavItem("jobs.index", "Jobs", "jobs", for_admins=True),
    NavItem("shell.schema", "Schema", "schema", for_admins=True),
    NavItem("users.account", "Account", "account", also=("users.second_factor",)),
)


def navigation_for(endpoints: Container[str], *, is_admin: bool, endpoint: str | None) -> Navigation:
    """Return the navigation of one page.

    Args:
        endpoints: all endpoints of the application.
        is_admin: whether the viewer is an admin.
        endpoint: of the current page; None on the 404 page.
    """

    def visible(entries: tuple[NavItem, ...]) -> tuple[NavItem, ...]:
        return tuple(entry for entry in entries if entry.endpoint in endpoints and (is_admin or not entry.for_admins))

    tabs, more = visible(TABS), visible(MORE)
    return Navigation(tabs=tabs, more=more, current=_current((*tabs, *more), endpoint or ""))


def _current(entries: tuple[NavItem, ...], endpoint: str) -> NavItem | None:
    """Return the entry of this page, else the first of its blueprint.

    A booking, for example, belongs to Appointments.
    """
    exact = [entry for entry in entries if endpoint in {entry.endpoint, *entry.also}]
    related = [entry for entry in entries if entry.endpoint.partition(".")[0] == endpoint.partition(".")[0]]
    return next(iter(exact + related), None)
