"""Calls whose report never came are fetched, each once, and recorded by the code of reports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from peterental.agents.model import AgentKey
from peterental.calls.model import CallUpdate
from peterental.calls.repository import CallRepository
from peterental.database.connect import DatabaseTooSlow
from peterental.line.model import VapiUnreachable
from peterental.line.reconciliation import RECENT, WHOLE
from tests.line.office import NOW, OFFICE, Office
from tests.line.vapi_server import DOWN, Trouble

HOUR_AGO = NOW - timedelta(hours=1)


@pytest.fixture
def assistant(office: Office) -> str:
    """The assistant of Ana's line."""
    office.set_up()
    return str(office.ana.vapi_assistant_id)


def reconcile(office: Office, period: timedelta = RECENT) -> int:
    return office.line.reconciliation.reconcile(period)


def test_missing_call_is_recorded_like_a_report(office: Office, assistant: str) -> None:
    call_id = office.vapi.add_call(assistant, created_at=HOUR_AGO)
    assert reconcile(office) == 1
    call = office.services.calls.get(call_id)
    assert call is not None
    assert (call.agent_id, call.status, call.ended_reason) == ("ana-lima", "ended", "customer-ended-call")
    assert (call.caller_number, call.summary) == ("+14055550142", "The caller said hi.")
    assert (call.transcript, call.started_at) == ("AI: Hello.\nUser: Hi.", HOUR_AGO)


def test_call_is_recorded_once(office: Office, assistant: str) -> None:
    bare: dict[str, Any] = {"artifact": {}, "analysis": {}, "cost": None}
    call_id = office.vapi.add_call(assistant, created_at=HOUR_AGO, **bare)
    assert [reconcile(office) for _ in range(3)] == [1, 0, 0]
    office.database.fetch("UPDATE calls SET ended_reason = 'edited'")
    assert reconcile(office, WHOLE) == 0
    call = office.services.calls.get(call_id)
    assert call is not None
    assert call.ended_reason == "edited"


def test_call_that_could_not_be_recorded_is_fetched_again(
    office: Office, assistant: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is slow at that moment loses no call, nor those after it."""
    first, second = (office.vapi.add_call(assistant, created_at=HOUR_AGO + timedelta(minutes=m)) for m in (0, 1))
    store = CallRepository.upsert

    def store_slowly(calls: CallRepository, update: CallUpdate, now: datetime) -> None:
        if update.vapi_call_id == first:
            raise DatabaseTooSlow(seconds=3)
        store(calls, update, now)

    with monkeypatch.context() as patched:
        patched.setattr(CallRepository, "upsert", store_slowly)
        assert reconcile(office) == 1
    assert office.services.calls.get(first) is None
    assert office.services.calls.get(second) is not None
    assert "could not be recorded" in caplog.text
    assert [reconcile(office), reconcile(office)] == [1, 0]
    assert office.services.calls.get(first) is not None


def test_reported_call_is_left_alone(office: Office, assistant: str) -> None:
    call_id = office.vapi.add_call(assistant, created_at=HOUR_AGO)
    reported = CallUpdate(
        vapi_call_id=call_id, is_report=True, agent_key=AgentKey(assistant_id=assistant), summary="As reported."
    )
    office.services.calls.record_update(reported)
    assert reconcile(office) == 0
    call = office.services.calls.get(call_id)
    assert call is not None
    assert call.summary == "As reported."


def test_call_known_by_a_status_update_is_completed(office: Office, assistant: str) -> None:
    call_id = office.vapi.add_call(assistant, created_at=HOUR_AGO)
    office.services.calls.record_update(CallUpdate(vapi_call_id=call_id, status="ended"))
    assert reconcile(office) == 1
    call = office.services.calls.get(call_id)
    assert call is not None
    assert call.summary == "The caller said hi."


def test_reduced_call_is_not_filled_again(office: Office, assistant: str) -> None:
    call_id = office.vapi.add_call(assistant, created_at=HOUR_AGO)
    reconcile(office)
    office.database.fetch("UPDATE calls SET reduced_at = NOW(), summary = NULL, transcript = NULL, cost = NULL")
    office.database.fetch("DELETE FROM line_fetched_calls")
    assert reconcile(office) == 0
    call = office.services.calls.get(call_id)
    assert call is not None
    assert call.summary is None


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "in-progress", "endedAt": None},
        {"endedAt": (NOW - timedelta(minutes=4)).isoformat()},
        {"assistantId": "00000000-0000-4000-8000-00000000ffff"},
        {"assistantId": None},
    ],
    ids=["running", "just ended", "of no agent", "without an assistant"],
)
def test_other_calls_are_not_recorded(office: Office, assistant: str, fields: dict[str, Any]) -> None:
    office.vapi.add_call(assistant, created_at=HOUR_AGO, **fields)
    assert reconcile(office) == 0
    assert office.database.fetch("SELECT 1 AS one FROM calls") == []


def test_calls_beyond_one_page_are_recorded_once(
    office: Office, assistant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peterental.line.api.CALL_PAGE_SIZE", 2)
    for minute in range(7):
        office.vapi.add_call(assistant, created_at=HOUR_AGO + timedelta(minutes=minute // 3))
    assert [reconcile(office), reconcile(office)] == [7, 0]
    assert len(office.database.fetch("SELECT 1 AS one FROM calls")) == 7


def test_three_days_are_fetched_at_night(office: Office, assistant: str) -> None:
    office.vapi.add_call(assistant, created_at=NOW - timedelta(days=2))
    office.vapi.add_call(assistant, created_at=NOW - timedelta(days=4))
    assert [reconcile(office), reconcile(office, WHOLE)] == [0, 1]


def test_failure_is_shown_with_the_account(office: Office, assistant: str) -> None:
    del assistant
    office.vapi.troubles = [Trouble("GET /call", DOWN)] * 3
    with pytest.raises(VapiUnreachable):
        reconcile(office)
    account = office.line.account.get(OFFICE)
    assert account is not None
    assert account.problem == "Vapi cannot be reached: it answers 503. Try again in a minute."
    reconcile(office)
    account = office.line.account.get(OFFICE)
    assert account is not None
    assert (account.problem, account.reconciled_at) == (None, NOW)


def test_old_marks_are_forgotten(office: Office) -> None:
    office.database.fetch("INSERT INTO line_fetched_calls VALUES ('old', %s)", (NOW - timedelta(days=7),))
    reconcile(office)
    assert office.database.fetch("SELECT 1 AS one FROM line_fetched_calls") == []
