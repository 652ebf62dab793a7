"""Who is asking, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from peterental.errors import Forbidden

Role = Literal["admin", "agent"]
"""admin: everything; agent: the agents that are theirs, and what belongs to those."""


class AdminsOnly(Forbidden):
    """Only an admin can do that."""


@dataclass(frozen=True)
class Viewer:
    """Somebody who is signed in, and so may see things."""

    user_id: int
    email: str
    is_admin: bool
