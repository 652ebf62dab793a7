"""What happened at the servers, for the story of a notice."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True)
class Incident:
    """One thing that happened.

    Args:
        at: when, UTC.
        where: such as `mail server`.
        recipient: of the letter; empty where it is not known.
        what: in a few words.
        body: of the letter, or its Message-ID; empty where it is not known.
    """

    at: datetime
    where: str
    recipient: str
    what: str
    body: str = ""


class Journal:
    """Everything that happened, in the order of time. Used by many threads."""

    def __init__(self) -> None:
        self._incidents: list[Incident] = []
        self._lock = threading.Lock()

    def add(self, where: str, recipient: str, what: str, body: str = "") -> None:
        """Record what happened now."""
        with self._lock:
            self._incidents.append(
                Incident(at=datetime.now(UTC), where=where, recipient=recipient, what=what, body=body)
            )

    def about(self, recipient: str, *bodies: str) -> list[Incident]:
        """Return what happened to letters of a recipient: those with one of these bodies, and those without one."""
        with self._lock:
            return [
                each
                for each in self._incidents
                if each.recipient == recipient and (not each.body or each.body in bodies)
            ]
