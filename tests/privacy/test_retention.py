"""Old calls are reduced in small batches; late reports bring nothing back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from peterental.access import Viewer
from peterental.calls.model import REDUCED_ANSWER, CallFilter
from peterental.database.pool import Database
from peterental.privacy import retention
from peterental.privacy.retention import Reduction, RetentionService
from peterental.services import Services
from tests.together import at_once
from tests.voice.phone import ELM, Clock, Phone, payload

ADMIN = Viewer(0, "office@example.com", is_admin=True)
DAYS = 90
SAID = [
    "summary", "transcript", "messages", "success_evaluation", "structured_data", "recording_url", "recordings",
    "caller_number",
]  # fmt: skip
"""The columns of a call that are removed."""


def service(database: Database, clock: Clock) -> RetentionService:
    return RetentionService(database, clock, pause_s=0)


def report(phone: Phone, **analysis: Any) -> None:
    """Send an end-of-call report with every field that is removed."""
    response = phone.post(
        {
            "type": "end-of-call-report",
            "call": {"id": phone.call_id, "assistantId": phone.assistant_id},
            "customer": {"number": phone.number},
            "startedAt": "2026-11-22T15:00:00Z",
            "endedAt": "2026-11-22T15:02:00Z",
            "endedReason": "customer-ended-call",
            "cost": 0.12,
            "artifact": {
                "transcript": "AI: Hello.\nUser: This is Dolores Whitcomb.",
                "messages": [{"role": "user", "message": "This is Dolores Whitcomb."}],
                "recordingUrl": "https://storage.example/1.wav",
                "recording": {"mono": {"combinedUrl": "https://storage.example/2.wav"}},
            },
            "analysis": {
                "summary": "Dolores Whitcomb booked.",
                "successEvaluation": "true",
                "structuredData": {"name": "Dolores Whitcomb"},
                **analysis,
            },
        }
    )
    assert response.status_code == 200


def row_of(database: Database, call_id: str = "call-1") -> dict[str, Any]:
    (row,) = database.fetch("SELECT * FROM calls WHERE vapi_call_id = %s", [call_id])
    return row


def tool_rows(database: Database) -> list[dict[str, Any]]:
    return database.fetch("SELECT * FROM tool_calls ORDER BY id")


def test_old_call_keeps_what_statistics_need_only(
    phone: Phone, database: Database, services: Services, clock: Clock
) -> None:
    phone.say("set_appointment", {**ELM, "start_time": "tomorrow 3 pm"})
    report(phone)
    before = row_of(database)
    assert all(before[name] for name in SAID)
    clock.forward(days=DAYS, minutes=1)
    assert service(database, clock).reduce(DAYS) == Reduction(calls=1, caller_numbers=0)
    after = row_of(database)
    assert {name for name in after if after[name] != before[name]} == {*SAID, "reduced_at", "reduced_after_days"}
    assert [after[name] for name in SAID] == [None] * len(SAID)
    assert (after["reduced_at"], after["reduced_after_days"]) == (clock.now, DAYS)
    (tool,) = tool_rows(database)
    assert (tool["arguments"], tool["answer"], tool["offered"]) == (None, REDUCED_ANSWER, None)
    assert (tool["name"], tool["outcome"]) == ("set_appointment", "booked")
    assert tool["appointment_id"] is not None
    (summary,) = services.calls.listing(ADMIN, CallFilter()).calls
    assert (summary.duration, summary.actions) == (timedelta(minutes=2), ("booked",))


def test_call_at_the_limit_is_kept(phone: Phone, database: Database, clock: Clock) -> None:
    report(phone)
    clock.forward(days=DAYS)
    assert service(database, clock).due(DAYS) == Reduction()
    assert service(database, clock).reduce(DAYS) == Reduction()
    assert row_of(database)["transcript"]


@pytest.mark.parametrize(
    ("started", "created"), [("2026-01-01", "2026-11-01"), ("2199-01-01", "2026-01-01"), (None, "2026-01-01")]
)
def test_wrong_start_does_not_keep_a_call(
    database: Database, clock: Clock, started: str | None, created: str, services: Services
) -> None:
    """Vapi reports the start of a call; our own clock says when we first heard of it."""
    del services
    database.fetch(
        "INSERT INTO calls (vapi_call_id, started_at, created_at, summary) VALUES ('x', %s, %s, 'Dolores')",
        [started, created],
    )
    assert service(database, clock).reduce(DAYS).calls == 1


def test_late_report_brings_nothing_back(phone: Phone, database: Database, clock: Clock) -> None:
    phone.say("get_availability", {"date": "tomorrow"}, "tool-1")
    clock.forward(days=DAYS + 1)
    service(database, clock).reduce(DAYS)
    report(phone)
    phone.post(
        {"type": "status-update", "status": "ended", "call": {"id": "call-1"}, "customer": {"number": "+15550142100"}}
    )
    after = row_of(database)
    assert [after[name] for name in SAID] == [None] * len(SAID)
    assert (after["status"], after["ended_reason"], float(after["cost"])) == ("ended", "customer-ended-call", 0.12)


def test_late_tool_call_of_a_reduced_call_is_reduced(phone: Phone, database: Database, clock: Clock) -> None:
    booking = {**ELM, "start_time": "tomorrow 3 pm"}
    phone.say("set_appointment", booking, "tool-1")
    clock.forward(days=DAYS + 1)
    service(database, clock).reduce(DAYS)
    assert phone.say("set_appointment", booking, "tool-1") == REDUCED_ANSWER
    assert phone.say("get_availability", {"date": "friday", "attendee_name": "Dolores"}, "tool-2") != REDUCED_ANSWER
    assert [(row["arguments"], row["answer"]) for row in tool_rows(database)] == [(None, REDUCED_ANSWER)] * 2
    assert len(database.fetch("SELECT id FROM appointments")) == 1


def test_end_reason_that_is_no_code_is_removed(database: Database, clock: Clock, services: Services) -> None:
    del services
    for number, reason in enumerate(
        ("voicemail", "call from Dolores failed", "sip.+15550142100", "pipeline-error-404")
    ):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, created_at, ended_reason) VALUES (%s, '2020-01-01', %s)",
            [str(number), reason],
        )
    service(database, clock).reduce(DAYS)
    kept = [row["ended_reason"] for row in database.fetch("SELECT ended_reason FROM calls ORDER BY vapi_call_id")]
    assert kept == ["voicemail", None, None, "pipeline-error-404"]


def test_name_of_unknown_tool_is_removed(phone: Phone, database: Database, clock: Clock) -> None:
    phone.say("remember_dolores", {"note": "x"})
    clock.forward(days=DAYS + 1)
    service(database, clock).reduce(DAYS)
    assert [row["name"] for row in tool_rows(database)] == ["unknown tool"]


def test_tool_call_without_call_id_is_reduced(phone: Phone, database: Database, clock: Clock) -> None:
    phone.call_id = ""
    phone.say("get_availability", {"date": "tomorrow"})
    clock.forward(days=DAYS + 1)
    assert service(database, clock).due(DAYS) == Reduction(tool_calls=1)
    assert service(database, clock).reduce(DAYS) == Reduction(tool_calls=1)
    assert tool_rows(database)[0]["arguments"] is None


def test_caller_number_of_a_booking_goes_after_the_viewing(phone: Phone, database: Database, clock: Clock) -> None:
    """The visitor's name, number and address stay: a booking is a record of the business."""
    phone.say("set_appointment", {**ELM, "start_time": "december 3 at 3 pm", "attendee_phone": "(405) 555-0199"})
    clock.forward(days=DAYS + 5)
    assert service(database, clock).reduce(DAYS) == Reduction(calls=1)
    clock.forward(days=10)
    assert service(database, clock).due(DAYS) == Reduction(caller_numbers=1)
    assert service(database, clock).reduce(DAYS) == Reduction(caller_numbers=1)
    (booking,) = database.fetch("SELECT attendee_name, attendee_phone, caller_number FROM appointments")
    assert tuple(booking.values()) == ("Dolores Whitcomb", "+14055550199", None)


def test_done_messages_go_and_open_ones_stay(
    phone: Phone, database: Database, services: Services, clock: Clock
) -> None:
    phone.say("take_message", {"message": "The heating hums.", "attendee_name": "Dolores"})
    phone.say("take_message", {"message": "The door sticks.", "attendee_name": "Dolores"})
    done, _ = [row["message_id"] for row in database.fetch("SELECT message_id FROM messages ORDER BY message_id")]
    services.messages.set_done(done, ADMIN, done=True)
    clock.forward(days=DAYS + 1)
    assert service(database, clock).reduce(DAYS) == Reduction(calls=1, messages=1, open_messages=1)
    assert [row["body"] for row in database.fetch("SELECT body FROM messages")] == ["The door sticks."]
    assert [row["subject_name"] for row in database.fetch("SELECT subject_name FROM audit_log")] == [f"message {done}"]


@pytest.mark.usefixtures("services")
def test_notices_and_texts_that_are_over_go(database: Database, clock: Clock) -> None:
    old, young = clock() - timedelta(days=DAYS + 1), clock() - timedelta(days=DAYS - 1)
    for at in (old, young):
        values = {"at": at, "id": f"SM{at.day}"}
        for statement in (
            (
                "INSERT INTO notices (kind, channel, audience, recipient, about, expires_at, created_at, ended_at, state)"
                " VALUES ('reply', 'text', 'visitor', '+14055550123', %(id)s, %(at)s, %(at)s, %(at)s, 'sent')"
            ),
            (
                "INSERT INTO notices (kind, channel, audience, recipient, about, expires_at, created_at)"
                " VALUES ('test', 'text', 'user', '+14055550123', %(id)s, %(at)s, %(at)s)"
            ),
            "INSERT INTO notice_events (provider_id, happened_at, what) VALUES (%(id)s, %(at)s, 'delivered')",
            (
                "INSERT INTO text_replies (provider_id, sender, receiver, body, received_at, understood_as)"
                " VALUES (%(id)s, '+14055550123', '+14055550100', 'Hi', %(at)s, 'message')"
            ),
            (
                "INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted, created_at, state)"
                " VALUES ('ana', 'Maud', '+14055550123', '1 Elm', '{[2030-01-01, 2030-01-02)}', %(at)s, 'ended')"
            ),
            (
                "INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted, created_at)"
                " VALUES ('ana', 'Maud', '+14055550123', '1 Elm', '{[2030-01-01, 2030-01-02)}', %(at)s)"
            ),
        ):
            database.fetch(statement, values)
    assert service(database, clock).due(DAYS).notices == 3
    assert service(database, clock).reduce(DAYS).notices == 3
    counts = {
        table: database.fetch(f"SELECT COUNT(*) AS number FROM {table}")[0]["number"]
        for table in ("notices", "notice_events", "text_replies", "waitlist")
    }
    assert counts == {"notices": 3, "notice_events": 1, "text_replies": 1, "waitlist": 3}
    assert service(database, clock).due(DAYS).total == 0


def test_batches_are_small_and_reported(
    database: Database, clock: Clock, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    del services
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    for number in range(5):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, created_at, summary) VALUES (%s, '2020-01-01', 'x')", [str(number)]
        )
    seen: list[int] = []
    assert service(database, clock).reduce(DAYS, report=seen.append).calls == 5
    assert seen == [2, 4, 5]


def test_interrupted_run_is_finished_by_the_next(
    database: Database, clock: Clock, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is a transaction, so what a killed run leaves is whole."""
    del services
    monkeypatch.setattr(retention, "BATCH_SIZE", 2)
    for number in range(5):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, created_at, summary) VALUES (%s, '2020-01-01', 'x')", [str(number)]
        )

    def stop(calls: int) -> None:
        raise KeyboardInterrupt(calls)

    with pytest.raises(KeyboardInterrupt):
        service(database, clock).reduce(DAYS, report=stop)
    assert service(database, clock).due(DAYS).calls == 3
    assert service(database, clock).reduce(DAYS).calls == 3


def test_locked_call_is_skipped_and_reduced_next_time(
    database: Database, database_url: str, clock: Clock, services: Services
) -> None:
    """A report that is being stored never waits for the reduction, nor the reduction for it."""
    del services
    for number in range(2):
        database.fetch(
            "INSERT INTO calls (vapi_call_id, created_at, summary) VALUES (%s, '2020-01-01', 'x')", [str(number)]
        )
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE calls SET summary = 'y' WHERE vapi_call_id = '0'")
        assert service(database, clock).reduce(DAYS).calls == 1
    assert service(database, clock).reduce(DAYS).calls == 1


def test_two_runs_at_once_reduce_each_call_once(database: Database, clock: Clock, services: Services) -> None:
    del services
    database.fetch(
        "INSERT INTO calls (vapi_call_id, created_at, summary) SELECT n::text, '2020-01-01', 'x' FROM generate_series(1, 900) n"
    )
    assert sum(at_once([lambda: service(database, clock).reduce(DAYS).calls] * 2)) == 900
    assert database.fetch("SELECT COUNT(*) AS n FROM calls WHERE summary IS NOT NULL") == [{"n": 0}]


def test_due_calls_are_found_by_index(database: Database, services: Services) -> None:
    """With many reduced calls and few due ones, only the due ones are read."""
    del services
    database.fetch(
        """
        INSERT INTO calls (vapi_call_id, created_at, reduced_at)
        SELECT n::text, '2020-01-01'::timestamptz + n * INTERVAL '1 minute', NOW() FROM generate_series(1, 5000) n
        """
    )
    database.fetch("ANALYZE calls")
    (plan,) = database.fetch(
        """
        EXPLAIN (FORMAT JSON) SELECT vapi_call_id FROM calls
        WHERE reduced_at IS NULL AND LEAST(started_at, created_at) < '2025-01-01'
        ORDER BY LEAST(started_at, created_at) LIMIT 200 FOR NO KEY UPDATE SKIP LOCKED
        """
    )
    assert "idx_calls_unreduced" in str(plan)


def test_recorded_reports_are_reduced_completely(phone: Phone, database: Database, clock: Clock) -> None:
    """Whatever shape a report has, no column of a reduced call keeps what was said."""
    for name in ("end-of-call-report-2025-artifact-analysis", "end-of-call-report-2024-message-level"):
        assert payload(name)
        phone.play(name)
    clock.now = datetime(2100, 1, 1, tzinfo=UTC)
    assert service(database, clock).reduce(DAYS).calls == 2
    kept = {name for row in database.fetch("SELECT * FROM calls") for name in row if row[name] not in (None, [])}
    assert kept <= {
        "vapi_call_id", "kind", "agent_id", "assistant_id", "phone_number_id", "status", "started_at", "ended_at",
        "ended_reason", "cost", "created_at", "updated_at", "outcomes", "agreed", "reduced_at", "reduced_after_days",
    }  # fmt: skip
