"""Only admins reach the account and change lines."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

from peterental.access import AdminsOnly, Viewer
from tests.line.office import ANA, Office, new_line

ANAS_USER = Viewer(user_id=1, email="ana@example.com", is_admin=False)

WITHOUT_VIEWER = {
    "account.is_connected": "tells whether there is an account",
    "account.open": "called by another service, which checks the viewer",
    "drift.check_all": "called by background jobs",
    "drift.state": "takes an agent that the viewer was allowed to read",
    "reconciliation.reconcile": "called by background jobs",
}
"""The methods without a viewer, and the reason for each."""

EXAMPLES: dict[str, Any] = {
    "agent_id": ANA,
    "choice": new_line(),
    "key": "a-key",
    "seen_assistant": "",
    "seen_number": "",
}


def test_every_method_is_for_admins(office: Office) -> None:
    without = set()
    for field in fields(office.line):
        for name, method in inspect.getmembers(getattr(office.line, field.name), inspect.ismethod):
            if name.startswith("_"):
                continue
            parameters = inspect.signature(method).parameters
            if "viewer" not in parameters:
                without.add(f"{field.name}.{name}")
                continue
            arguments = {each: EXAMPLES[each] for each in parameters if each != "viewer"}
            with pytest.raises(AdminsOnly):
                method(viewer=ANAS_USER, **arguments)
    assert without == set(WITHOUT_VIEWER)
    assert office.vapi.asked == []
