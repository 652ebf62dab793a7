"""Write one person everywhere, and find what is left of them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

from peterental.access import Viewer
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.manual.model import ExpectedState, NewBooking, WallClockTime
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.messages.model import MessageFilter
from peterental.privacy.person import Person
from peterental.services import Services
from peterental.users.tokens.model import NewToken
from peterental.webhooks.model import EndpointEntry
from tests.edits import entry_of
from tests.notices.office import FakeTransport
from tests.voice.phone import ELM, Clock, Phone

ADMIN = Viewer(0, "office@example.com", is_admin=True)
AGENT = Viewer(7, "ana@example.com", is_admin=False)

NAME = "Zebulon Quackenbush"
NUMBER = "+14055550142"
EMAIL = "zeb.quackenbush@example.org"
OTHER = "+14055550777"
"""Another caller."""

TRACES = ("4055550142", EMAIL, "zebdotquackenbush", NAME.lower(), "zebulon")
OF_NO_PERSON = {"notices.about", "repeating_blocks.weekdays", "text_replies.receiver", "tool_calls.offered"}
"""Columns beside those with personal data in rows of docs/privacy.md: ids, days, the office's number, times."""

EVERY_MESSAGE = MessageFilter(state="all")
BY_NUMBER, BY_EMAIL = Person.parse(NUMBER), Person.parse(EMAIL)


def report(phone: Phone, text: str, **more: Any) -> None:
    """Send an end-of-call report in which every field has a text."""
    message = {
        "type": "end-of-call-report",
        "call": {"id": phone.call_id, "assistantId": phone.assistant_id},
        "customer": {"number": phone.number},
        "endedReason": "customer-ended-call",
        "artifact": {
            "transcript": f"User: {text}",
            "messages": [{"role": "user", "message": f"line\n{text}"}],
            "recordingUrl": f"https://storage.example/{phone.call_id}.wav?from={text.replace(' ', '%20')}",
        },
        "analysis": {"summary": text, "successEvaluation": text, "structuredData": {"said": text, text: 4055550142}},
        **more,
    }
    assert phone.post(message).status_code == 200


def book_manually(services: Services, day: int, clock_min: int = 600, **visitor: str) -> int:
    entry = NewBooking(
        agent_id="ana",
        when=WallClockTime(day=datetime(2026, 11, day, tzinfo=UTC).date(), clock_min=clock_min),
        key=f"key-{day}-{clock_min}" + "k" * 24,
        property_address="12 Oak Street",
        **{"attendee_name": NAME, **visitor},  # type: ignore[arg-type]
    )
    return services.manual.book(entry, ADMIN).appointment_id


def seen(services: Services, appointment_id: int) -> ExpectedState:
    appointment, _ = services.manual.show(appointment_id, ADMIN)
    assert appointment.updated_at is not None
    return ExpectedState(appointment.updated_at, appointment.start, appointment.status)


def write_everywhere(phone: Phone, services: Services) -> None:
    """Write name, number and address through every entry point, in several spellings."""
    visitor = {"attendee_name": NAME, "attendee_email": EMAIL, "attendee_phone": "(405) 555-0142"}
    phone.number = NUMBER
    phone.say("set_appointment", {**ELM, **visitor, "start_time": "tomorrow 3 pm"})
    phone.say("find_appointment", {"attendee_name": NAME})
    phone.say("reschedule_appointment", {"attendee_name": NAME, "start_time": "tomorrow 4 pm"})
    phone.say("take_message", {"message": f"Write to {EMAIL}", "attendee_name": NAME, "attendee_phone": 4055550142})
    phone.post(
        {"type": "status-update", "status": "in-progress", "call": {"id": "call-1"}, "customer": {"number": NUMBER}}
    )
    report(phone, f"This is {NAME}, {EMAIL}, 405 555 0142")

    web = replace(phone, call_id="web-call", number=None)
    web.say("set_appointment", {**ELM, **visitor, "property_address": "5 Ash Lane", "start_time": "thursday 10 am"})
    web.say("take_message", {"message": "Call me", "attendee_phone": "four oh five five five five oh one four two"})
    refused = replace(phone, call_id="refused-call", number=None)
    refused.say("set_appointment", {**visitor, "start_time": "three in the night"})
    refused.say("tell_405_555_0142", {"nested": [{"number": "405-555-0142"}]})
    withheld = replace(phone, call_id="spoken", number="anonymous")
    report(
        withheld, "my number is four oh five, five five five, oh one four two, zeb dot quackenbush at example dot org"
    )
    replace(phone, call_id="").say("take_message", {"message": "No call id", "attendee_phone": "405.555.0142"})
    phone.post(
        {
            "type": "tool-calls",
            "chat": {"id": "chat-1", "assistantId": phone.assistant_id},
            "toolCallList": [
                {"id": "t", "function": {"name": "take_message", "arguments": {"message": f"Mail {EMAIL}", **visitor}}}
            ],
        }
    )

    other = replace(phone, call_id="other-call", number=OTHER)
    other.say("take_message", {"message": f"My sister is at 405 555 0142 or {EMAIL}", "attendee_name": "Maud"})
    report(other, f"my sister is at 405 555 0142 or {EMAIL}")

    manual = book_manually(services, 24, attendee_phone="+1 (405) 555-0142", attendee_email=EMAIL)
    when = WallClockTime(day=datetime(2026, 11, 24, tzinfo=UTC).date(), clock_min=660)
    services.manual.move(manual, seen(services, manual), when, ADMIN)
    services.manual.change(manual, seen(services, manual), "cancel", ADMIN)
    book_manually(services, 25, attendee_phone="405 555 0142 (mobile)")
    book_manually(services, 30, attendee_email=EMAIL.upper())
    write_edits(services)
    open_messages = services.messages.listing(ADMIN, EVERY_MESSAGE).messages
    services.messages.set_done(open_messages[-1].message_id, ADMIN, done=True)
    day = datetime(2026, 11, 27, tzinfo=UTC).date()
    note = f"{NAME} 405-555-0142 {EMAIL}"
    services.hours.add_override("ana", DateOverride(day, (), "call 405-555-0142"), ADMIN)
    services.hours.add_busy_block(
        "ana", BusyBlockRequest(first_day=day, last_day=day, from_min=600, until_min=660, note=note[20:]), ADMIN
    )


def write_edits(services: Services) -> None:
    """Edit viewings: the person's own, and one of another visitor that had the person's number before."""
    own = book_manually(services, 25, 660, attendee_phone=NUMBER)
    edit(services, own, attendee_name=f"{NAME} and {EMAIL}", notes=f"{NAME}: 405 555 0142\n{EMAIL}")
    edit(services, own, attendee_name=NAME)
    other = book_manually(services, 26, 720, attendee_phone=NUMBER, attendee_name="Maud")
    edit(services, other, attendee_phone=OTHER, notes=f"Sister of {EMAIL}")
    edit(services, other, notes=f"Sister of\n{EMAIL} and 405-555-0142")


def edit(services: Services, appointment_id: int, **fields: str) -> None:
    old, _ = services.manual.show(appointment_id, ADMIN)
    services.manual.edit(appointment_id, seen(services, appointment_id), entry_of(old, **fields), ADMIN)


def held_rows(database: Database, *found: str) -> list[str]:
    """Return the rows of all tables in whose digits, words or letters one of some texts is found."""
    tables = database.fetch(
        "SELECT table_name AS name FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    assert len(tables) > 12
    rows = [
        f"{table['name']}: {row['text']}"
        for table in tables
        for row in database.fetch(f"SELECT to_jsonb(t)::text AS text FROM {table['name']} AS t")
    ]
    return [row for row in rows if any(text in form for text in found for form in forms(row))]


def all_columns(database: Database) -> set[str]:
    """Return every column with its table."""
    rows = database.fetch(
        "SELECT table_name || '.' || column_name AS place FROM information_schema.columns WHERE table_schema = 'public'"
    )
    return {row["place"] for row in rows}


def held_values(database: Database, table: str, column: str) -> list[str]:
    """Return the values of one column in which the person is found."""
    rows = database.fetch(f"SELECT to_jsonb({column})::text AS text FROM {table} WHERE {column} IS NOT NULL")
    return [row["text"] for row in rows if any(trace in form for form in forms(row["text"]) for trace in TRACES)]


def forms(row: str) -> tuple[str, ...]:
    """Return a row as it is, its digits alone, and its digits with those spelt in words."""
    spelt = row.lower()
    for digit, words in enumerate(("oh|cero", "one|uno", "two|dos", "three|tres", "four|cuatro", "five|cinco")):
        spelt = re.sub(rf"\b({words})\b", str(digit), spelt)
    plain = unquote(row).lower()
    return plain, re.sub(r"\D", "", row), re.sub(r"\D", "", plain), re.sub(r"[^0-9a-z]", "", spelt)


def write_notices(services: Services, database: Database, clock: Clock) -> None:
    """Send what is told of the viewings, receive a text, and note a place on the waitlist."""
    for row in database.fetch("SELECT id FROM appointments"):
        services.notice_sender.send_of_appointment(row["id"])
    texts = [(NUMBER, f"It is {NAME}, {EMAIL}"), (OTHER, f"My sister is at 405 555 0142 or {EMAIL}")]
    for number, (sender, body) in enumerate(texts):
        database.fetch(
            "INSERT INTO text_replies (provider_id, sender, receiver, body, received_at, understood_as, answer)"
            " VALUES (%s, %s, '+14055550100', %s, %s, 'message', %s)",
            (f"SM{number}", sender, body, clock(), f"Thank you, {NAME}."),
        )
        database.fetch(
            "INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)"
            " VALUES ('ana', %s, %s, %s, '{[2030-01-01, 2030-01-02)}')",
            (NAME if sender == NUMBER else "Maud", sender, "5 Ash Lane" if sender == NUMBER else "of 405 555 0142"),
        )


def write_mentions(services: Services, database: Database, clock: Clock) -> None:
    """Name the person where words of others and of machines are stored, which no entry point of these tests writes."""
    said = f"Ask my sister: 405 555 0142, {EMAIL}"
    with database.transaction() as connection:
        services.consents.start(connection, "text", OTHER, how="text message", words=said, at=clock())
        services.consents.stop(connection, "text", OTHER, how="text message", words=said, at=clock())
        services.jobs.defer(connection, JobRequest(task="send_notices", args={"notice_id": 1}))
    (job,) = database.fetch("SELECT id FROM procrastinate_jobs WHERE task_name = 'send_notices' LIMIT 1")
    services.jobs.record_error(job["id"], f"DETAIL: {said}")
    services.webhooks.create(EndpointEntry(url="https://example.com", event_types=("viewing.booked",)), ADMIN)
    book_manually(services, 24, 780, attendee_name="Maud", attendee_phone=OTHER)
    user = services.users.create("tool@example.com", "correct horse battery", "admin")
    token = services.api_tokens.create(NewToken(name="Tool"), Viewer(user.user_id, user.email, is_admin=True)).token
    database.fetch(
        """
        INSERT INTO api_requests (
            token_id, request_key, request_hash, form_key, runner, running_until, started_at, status
        )
        SELECT %s, key, '', '', '', NOW(), NOW(), 201 FROM unnest(%s::text[]) AS key
        """,
        (token.token_id, [f"booking-{NUMBER}", f"booking:{EMAIL}", f"booking-{OTHER}"]),
    )
    day = date(2026, 12, 24)
    services.closures.add([ClosureEntry(name=said, first_day=day, last_day=day)], ADMIN)
    noon = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=day, note=said)
    services.repeating_blocks.add("ana", noon, ADMIN)
    for statement in (
        "UPDATE webhook_deliveries SET answer = %(said)s",
        "UPDATE calls SET handled_note = %(said)s, ended_reason = %(said)s WHERE vapi_call_id = 'other-call'",
        "UPDATE tool_calls SET answer = %(said)s WHERE vapi_call_id = 'other-call'",
        "UPDATE agent_busy SET source = %(said)s WHERE note LIKE '%%4055550142%%' OR note LIKE '%%405-555-0142%%'",
        "UPDATE notices SET subject = %(said)s, body = %(said)s WHERE audience = 'agent' AND channel = 'email'",
        "UPDATE appointments SET property_address = property_address || %(said)s WHERE attendee_email IS NOT NULL",
        """
        INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, wanted)
        VALUES ('ana', %(said)s, '+14055550178', '5 Ash Lane', '{[2030-01-01, 2030-01-02)}')
        """,
    ):
        database.fetch(statement, {"said": said})


def use_transports(services: Services, database: Database, clock: Clock) -> None:
    """Let texts and e-mails be sent, to visitors and to Ana."""
    services.notice_sender.transports = {
        "text": FakeTransport("text", clock),
        "email": FakeTransport("email", clock),
    }
    services.notice_channels.record(services.notice_sender.transports)
    database.fetch("INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'ana@example.com')")
