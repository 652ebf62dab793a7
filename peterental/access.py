"""Access control: the signed-in viewer, and what a viewer may see and do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from peterental.errors import Forbidden

Role = Literal["admin", "agent"]
"""admin: everything; agent: the user's own agents and everything that belongs to them."""


class AdminsOnly(Forbidden):
    """Only an admin can do that."""


@dataclass(frozen=True)
class ToolToken:
    """The API token with which a tool of a user works.

    Args:
        token_id: its number.
        name: of the tool, as its user named it.
    """

    token_id: int
    name: str


@dataclass(frozen=True)
class Viewer:
    """The signed-in user on whose behalf a service works.

    Args:
        user_id: of the user.
        email: the e-mail address.
        is_admin: whether the user is an admin.
        session_id: the session of the request; None outside of requests.
        token: that of the user's tool which asks; None for the user.
    """

    user_id: int
    email: str
    is_admin: bool
    session_id: int | None = field(default=None, compare=False)
    token: ToolToken | None = field(default=None, compare=False)


def require_admin(viewer: Viewer) -> None:
    """Raise AdminsOnly unless the viewer is an admin."""
    if not viewer.is_admin:
        raise AdminsOnly


def owner_filter(viewer: Viewer) -> int | None:
    """Return the user_id to whose agents a query is limited; None for admins."""
    return None if viewer.is_admin else viewer.user_id
