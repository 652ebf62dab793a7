"""Where one can go from every page: the tabs, and what stands behind "More" where there is no room for all."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass


@dataclass(frozen=True)
class NavItem:
    """A page that the navigation leads to.

    Args:
        endpoint: of the page; where the application has none of that name, the entry is left out.
        label: what it is called.
        icon: the file in `templates/shell/icons/`, without its ending.
        for_admins: whether only admins see it.
    """

    endpoint: str
    label: str
    icon: str
    for_admins: bool = False


@dataclass(frozen=True)
class Navigation:
    """The entries as one viewer sees them on one page."""

    tabs: tuple[NavItem, ...]
    more: tuple[NavItem, ...]
    current: NavItem | None


TABS = (
    NavItem("agents.index", "Agents", "agents"),
    NavItem("appointments.index", "Appointments", "appointments"),
    NavItem("calls.index", "Calls", "calls"),
    NavItem("messages.index", "Messages", "messages"),
)
"""What people need every day. Four and "More" are as many as a phone has room for."""

MORE = (
    NavItem("tool_tester.index", "Rehearsal", "tool_tester"),
    NavItem("users.index", "Users", "users", for_admins=True),
    NavItem("audit.index", "Audit log", "audit", for_admins=True),
    NavItem("shell.schema", "Schema", "schema", for_admins=True),
    NavItem("users.account", "Account", "account"),
)


def navigation_for(endpoints: Container[str], *, is_admin: bool, endpoint: str | None) -> Navigation:
    """Give the navigation of one page.

    Args:
        endpoints: of all pages there are.
        is_admin: whether the viewer is an admin.
        endpoint: of the page that is shown; None where there is no such page.
    """

    def seen(entries: tuple[NavItem, ...]) -> tuple[NavItem, ...]:
        return tuple(entry for entry in entries if entry.endpoint in endpoints and (is_admin or not entry.for_admins))

    tabs, more = seen(TABS), seen(MORE)
    return Navigation(tabs=tabs, more=more, current=_current((*tabs, *more), endpoint or ""))


def _current(entries: tuple[NavItem, ...], endpoint: str) -> NavItem | None:
    """Find the entry of that very page, else the first one of its blueprint: a booking belongs to Appointments."""
    exact = [entry for entry in entries if entry.endpoint == endpoint]
    related = [entry for entry in entries if entry.endpoint.partition(".")[0] == endpoint.partition(".")[0]]
    return next(iter(exact + related), None)
