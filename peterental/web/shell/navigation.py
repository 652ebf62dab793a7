"""The navigation: the pages of every day in the bar, all others in sections of the menu "More".

A new page is one line in `DAILY` or in a section of `MENU`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

Counted = Literal["viewings", "calls", "messages"]
"""What the navigation counts, see `peterental.today.model.Counts`."""


@dataclass(frozen=True)
class NavItem:
    """A page that the navigation leads to.

    Args:
        endpoint: of the page; the entry is omitted when the application has no such endpoint.
        label: its text.
        icon: the name of a file in `templates/shell/icons/`, without `.svg`.
        for_admins: whether only admins see it.
        also: the endpoints of further pages that belong to it, although another entry comes first in their blueprint.
        counted: what the number behind its label counts; None for no number.
        is_in_phone_bar: whether the bar of a phone has room for it; others of the bar are in a phone's menu.
    """

    endpoint: str
    label: str
    icon: str
    for_admins: bool = False
    also: tuple[str, ...] = ()
    counted: Counted | None = None
    is_in_phone_bar: bool = False


@dataclass(frozen=True)
class NavSection:
    """A section of the menu, with its heading."""

    label: str
    entries: tuple[NavItem, ...]


@dataclass(frozen=True)
class Navigation:
    """The entries that one viewer sees on one page."""

    daily: tuple[NavItem, ...]
    menu: tuple[NavSection, ...]
    current: NavItem | None

    @property
    def is_current_in_menu(self) -> bool:
        """Whether the current page is reached by the menu, on a screen of any width."""
        return any(self.current in section.entries for section in self.menu)

    @property
    def is_current_in_narrow_menu(self) -> bool:
        """Whether the current page is reached by the menu only where the bar is short, as on a phone."""
        return self.current in self.daily and self.current is not None and not self.current.is_in_phone_bar


DAILY = (
    NavItem("today.index", "Today", "today", is_in_phone_bar=True),
    NavItem("appointments.index", "Appointments", "appointments", counted="viewings", is_in_phone_bar=True),
    NavItem("calendar.index", "Calendar", "calendar"),
    NavItem("calls.index", "Calls", "calls", counted="calls", is_in_phone_bar=True),
    NavItem("messages.index", "Messages", "messages", counted="messages", is_in_phone_bar=True),
    NavItem("homes.index", "Homes", "home"),
    NavItem(
        "agents.index",
        "Agents",
        "agents",
        also=(
            "calendars.show",
            "calendars.connect_address",
            "calendars.connect_caldav",
            "calendars.begin_sign_in",
            "calendars.finish_sign_in",
            "calendars.disconnect",
            "line.show",
            "line.choose",
            "line.test",
            "line.sharing",
            "agent_notices.show",
        ),
    ),
)
"""The pages of every day. A phone's bar has room for four of them and "More"."""

MENU = (
    NavSection(
        "Phone",
        (
            NavItem("line.index", "Phone line", "calls", for_admins=True, also=("line.connect", "line.disconnect")),
            NavItem("tool_tester.index", "Rehearsal", "tool_tester"),
        ),
    ),
    NavSection(
        "Office",
        (
            NavItem("time_off.index", "Time off", "time_off"),
            NavItem("notices.outbox", "Outbox", "outbox", also=("notices.letter", "notices.retry")),
            NavItem(
                "notices.settings",
                "Settings",
                "settings",
                for_admins=True,
                also=("notices.wordings", "notices.edit_wording", "notices.send_test"),
            ),
        ),
    ),
    NavSection(
        "Administration",
        (
            NavItem("users.index", "Users", "users", for_admins=True),
            NavItem("webhooks.index", "Webhooks", "webhooks", for_admins=True),
            NavItem("audit.index", "Audit log", "audit", for_admins=True),
            NavItem("privacy.index", "Privacy", "privacy", for_admins=True),
            NavItem("jobs.index", "Jobs", "jobs", for_admins=True),
            NavItem("shell.schema", "Schema", "schema", for_admins=True),
        ),
    ),
    NavSection(
        "You",
        (
            NavItem("users.account", "Account", "account", also=("users.second_factor",)),
            NavItem("tokens.index", "API tokens", "tokens"),
        ),
    ),
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

    daily = visible(DAILY)
    menu = tuple(NavSection(section.label, visible(section.entries)) for section in MENU)
    entries = (*daily, *(entry for section in menu for entry in section.entries))
    return Navigation(
        daily=daily,
        menu=tuple(section for section in menu if section.entries),
        current=_current(entries, endpoint or ""),
    )


def _current(entries: tuple[NavItem, ...], endpoint: str) -> NavItem | None:
    """Return the entry of this page, else the first of its blueprint.

    A booking, for example, belongs to Appointments.
    """
    exact = [entry for entry in entries if endpoint in {entry.endpoint, *entry.also}]
    related = [entry for entry in entries if entry.endpoint.partition(".")[0] == endpoint.partition(".")[0]]
    return next(iter(exact + related), None)
