"""One person's data is found, exported and deleted wherever it was written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.agents.time_off.model import ClosureEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.appointments.manual.model import ExpectedState, NewBooking, ViewingEdit, WallClockTime
from peterental.audit.model import LogFilter
from peterental.calls.model import REDUCED_ANSWER, CallUpdate
from peterental.database.connect import DatabaseBusy
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.messages.model import MessageFilter
from peterental.privacy.model import ANONYMOUS, SearchTooSlow, UpcomingChanged
from peterental.privacy.person import REMOVED, Person, PersonInvalid, PersonUnknown
from peterental.services import Services
from peterental.users.tokens.model import NewToken
from peterental.webhooks.model import EndpointEntry
from tests.notices.office import FakeTransport
from tests.voice.homes import add_home
from tests.voice.phone import ELM, Clock, Phone

ADMIN = Viewer(0, "office@example.com", is_admin=True)
AGENT = Viewer(7, "ana@example.com", is_admin=False)

NAME = "Zebulon Quackenbush"
NUMBER = "+14055550142"
EMAIL = "zeb.quackenbush@example.org"
OTHER = "+14055550777"
"""Another caller."""

EVERY_MESSAGE = MessageFilter(state="all")
BY_NUMBER, BY_EMAIL = Person.parse(NUMBER), Person.parse(EMAIL)

SPELLINGS = (
    "+14055550142", "14055550142", "4055550142", "(405) 555-0142", "405.555.0142", "+1 405 555 01 42", "001-405-555-0142",
    "405 - 555 - 0142", "4 0 5 5 5 5 0 1 4 2", "tel:+1-405-555-0142", "%2B1%20405%20555%200142", "sip:+14055550142@trunk.example", "+14055550142;ext=5",
    "four oh five, five five five, oh one four two", "cuatro cero cinco cinco cinco cinco cero uno cuatro dos",
)  # fmt: skip


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
    entry = ViewingEdit(
        agent_id=old.agent_id,
        property_address=old.property_address,
        attendee_name=old.attendee_name,
        attendee_email=old.attendee_email,
        attendee_phone=old.attendee_phone,
        notes=old.notes,
    )
    services.manual.edit(appointment_id, seen(services, appointment_id), replace(entry, **fields), ADMIN)  # type: ignore[arg-type]  # texts


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


@pytest.fixture
def written(phone: Phone, services: Services, database: Database, clock: Clock) -> Services:
    services.notice_sender.transports = {
        "text": FakeTransport("text", clock),
        "email": FakeTransport("email", clock),
    }
    services.notice_channels.record(services.notice_sender.transports)
    database.fetch("INSERT INTO agent_notice_contacts (agent_id, email) VALUES ('ana', 'ana@example.com')")
    write_everywhere(phone, services)
    write_notices(services, database, clock)
    return services


def upcoming(services: Services, person: Person) -> list[int]:
    return [booking.appointment_id for booking in services.persons.find(person, ADMIN).upcoming]


def delete(services: Services, person: Person) -> None:
    services.persons.delete(person, ADMIN, upcoming(services, person))


def test_deleted_person_is_in_no_column_of_any_table(written: Services, database: Database) -> None:
    traces = ("4055550142", EMAIL, "zebdotquackenbush", NAME.lower(), "zebulon")
    assert len(held_rows(database, *traces)) > 30
    delete(written, BY_NUMBER)
    delete(written, BY_EMAIL)
    assert held_rows(database, *traces) == []
    for person in (BY_NUMBER, BY_EMAIL):
        assert written.persons.find(person, ADMIN).is_empty


def test_number_alone_leaves_nothing_with_the_number(written: Services, database: Database) -> None:
    delete(written, BY_NUMBER)
    assert held_rows(database, "4055550142") == []


def test_other_people_keep_their_data(written: Services, database: Database) -> None:
    delete(written, BY_NUMBER)
    delete(written, BY_EMAIL)
    (call,) = database.fetch("SELECT * FROM calls WHERE vapi_call_id = 'other-call'")
    assert (call["caller_number"], call["reduced_at"]) == (OTHER, None)
    assert call["transcript"] == f"User: my sister is at {REMOVED} or {REMOVED}"
    assert call["messages"] == [{"role": "user", "message": f"line\nmy sister is at {REMOVED} or {REMOVED}"}]
    (message,) = database.fetch("SELECT body, attendee_name, caller_number FROM messages")
    assert tuple(message.values()) == (f"My sister is at {REMOVED} or {REMOVED}", "Maud", OTHER)


def test_bookings_stay_without_the_visitor(written: Services, database: Database) -> None:
    columns = "id, agent_id, start_time, end_time, blocked_until, overlap_allowed, vapi_call_id, created_at"
    before = database.fetch(f"SELECT {columns} FROM appointments ORDER BY id")
    cancelled = set(upcoming(written, BY_NUMBER))
    assert len(cancelled) == 4
    delete(written, BY_NUMBER)
    assert database.fetch(f"SELECT {columns} FROM appointments ORDER BY id") == before
    for row in database.fetch("SELECT * FROM appointments WHERE id = ANY (%s)", [list(cancelled)]):
        assert (row["attendee_name"], row["status"]) == (ANONYMOUS, "cancelled")
        assert (row["attendee_email"], row["attendee_phone"], row["caller_number"]) == (None, None, None)
        _, events = written.manual.show(row["id"], ADMIN)
        assert (events[-1].kind, events[-1].actor) == ("cancelled", ADMIN.email)


def test_cancelled_time_can_be_booked_again(written: Services, phone: Phone) -> None:
    delete(written, BY_NUMBER)
    phone.call_id, phone.number = "call-9", OTHER
    said = phone.say("set_appointment", {**ELM, "attendee_name": "Maud Fisk", "start_time": "tomorrow 4 pm"})
    assert said.startswith("You're booked")


def test_calls_are_reduced_and_late_reports_bring_nothing_back(
    written: Services, phone: Phone, database: Database
) -> None:
    delete(written, BY_NUMBER)
    report(phone, f"This is {NAME}, {EMAIL}, 405 555 0142")
    phone.say("get_availability", {"attendee_phone": "405 555 0142", "date": "tomorrow"}, "late")
    (call,) = database.fetch("SELECT * FROM calls WHERE vapi_call_id = 'call-1'")
    assert (call["reduced_after_days"], call["status"], call["transcript"]) == (None, "ended", None)
    (late,) = database.fetch("SELECT arguments, answer FROM tool_calls WHERE tool_call_id = 'late'")
    assert tuple(late.values()) == (None, REDUCED_ANSWER)
    assert held_rows(database, "4055550142") == []


def test_notices_go_and_others_are_told_without_the_person(written: Services, database: Database) -> None:
    told = "SELECT COUNT(*) AS number FROM notices WHERE audience = %s"
    before = {audience: database.fetch(told, [audience])[0]["number"] for audience in ("visitor", "agent")}
    assert min(before.values()) > 2
    delete(written, BY_NUMBER)
    delete(written, BY_EMAIL)
    assert database.fetch(told, ["visitor"])[0]["number"] == 0
    assert database.fetch(told, ["agent"])[0]["number"] > before["agent"], "agents are told of cancelled viewings"
    assert [row["sender"] for row in database.fetch("SELECT sender FROM text_replies")] == [OTHER]
    for row in database.fetch("SELECT id FROM appointments"):
        written.notice_sender.send_of_appointment(row["id"])
    assert held_rows(database, NAME.lower(), "4055550142", EMAIL) == []


def test_stop_stays_without_its_words(written: Services, database: Database, clock: Clock) -> None:
    with database.transaction() as connection:
        written.consents.stop(connection, "text", NUMBER, how="text message", words=f"STOP, {NAME}", at=clock())
    delete(written, BY_NUMBER)
    assert written.persons.find(BY_NUMBER, ADMIN).is_empty
    assert len(held_rows(database, "4055550142")) == 1
    assert held_rows(database, "stop,") == []
    with database.transaction() as connection:
        assert written.consents.is_stopped(connection, "text", NUMBER)


def test_deletion_is_audited_without_the_person(written: Services, database: Database) -> None:
    before = database.fetch("SELECT audit_id, actor, action, happened_at FROM audit_log ORDER BY audit_id")
    delete(written, BY_NUMBER)
    after = database.fetch("SELECT audit_id, actor, action, happened_at FROM audit_log ORDER BY audit_id")
    assert after[: len(before)] == before
    (entry,) = written.audit.listing(ADMIN, LogFilter(subject_kind="person")).entries
    assert (entry.actor, entry.change.action) == (ADMIN.email, "data deleted")
    assert entry.change.subject_name == "phone number ending in 42"
    assert re.fullmatch("[0-9a-f]{16}", entry.change.subject_id)
    assert (entry.change.after["bookings"], entry.change.after["cancelled"]) == (5, 4)


def test_export_has_everything_in_readable_form(written: Services, database: Database) -> None:
    document = json.loads("".join(written.persons.export(BY_NUMBER, ADMIN)))
    assert document["person"] == NUMBER
    assert datetime.fromisoformat(document["exported_at"]).tzinfo is not None
    first = document["bookings"][0]
    assert (first["visitor_name"], first["visitor_email"], first["visitor_phone"]) == (NAME, EMAIL, NUMBER)
    assert (first["starts"], first["agent"]) == ("2026-11-23T16:00:00-06:00", "Ana Reyes")
    assert [(event["what"], event["by"]) for event in first["history"]] == [("booked", "phone"), ("moved", "phone")]
    calls = {call["call"]: call for call in document["calls"]}
    assert set(calls) == {"call-1", "web-call", "refused-call", "spoken", "chat-1"}
    assert calls["call-1"]["transcript"] == f"User: This is {NAME}, {EMAIL}, 405 555 0142"
    assert calls["call-1"]["recording"].startswith("https://")
    assert calls["call-1"]["tool_calls"][0]["arguments"]["attendee_email"] == EMAIL
    assert {"No call id", "Call me"} <= {message["text"] for message in document["messages"]}
    assert next(mention["id"] for mention in document["named_by_others"]) == "other-call"
    assert "my sister" not in json.dumps(document["calls"])
    assert len(document["audit_log"]) > 4
    assert document["notes_naming_them"] == 3, "two of the agent, and those on the viewing of another visitor"
    edited = next(each for each in document["bookings"] if each["notes"])
    assert edited["notes"].startswith(NAME)
    assert [event["what"] for event in edited["history"]] == ["booked", "edited", "edited"]
    assert edited["history"][2]["changes"] == {"name": [f"{NAME} and {EMAIL}", NAME]}
    assert {notice["to"] for notice in document["notices"]} >= {NUMBER, EMAIL}
    assert any(NAME in (notice["text"] or "") for notice in document["notices"])
    assert [text["text"] for text in document["texts"]] == [f"It is {NAME}, {EMAIL}"]
    assert {consent["to"] for consent in document["consents"]} == {NUMBER}
    assert [place["name"] for place in document["waitlist"]][:1] == [NAME]
    (entry,) = written.audit.listing(ADMIN, LogFilter(subject_kind="person")).entries
    assert entry.change.action == "data exported"
    assert len(held_rows(database, "4055550142")) > 10, "an export changes nothing"


def test_place_on_the_waitlist_is_exported_and_deleted_with_its_home(services: Services, database: Database) -> None:
    home = add_home(database, "1420 Elm Street", said_as=("The Gables",))
    database.fetch(
        "INSERT INTO waitlist (agent_id, attendee_name, phone, property_address, property_id, wanted)"
        " VALUES ('ana', %s, %s, 'the Gables', %s, '{[2030-01-01, 2030-01-02)}')",
        (NAME, NUMBER, home),
    )
    (place,) = json.loads("".join(services.persons.export(BY_NUMBER, ADMIN)))["waitlist"]
    assert (place["home"], place["home_as_said"]) == ("1420 Elm Street", "the Gables")
    delete(services, BY_NUMBER)
    assert database.fetch("SELECT 1 FROM waitlist") == []
    assert len(database.fetch("SELECT 1 FROM properties")) == 1


def test_mentions_in_words_of_others_and_of_machines_go(services: Services, database: Database, clock: Clock) -> None:
    """In a stop of another number, an endpoint's answer about another's viewing, a failed job, and a request's key."""
    said = f"STOP, ask my sister: 405 555 0142, {EMAIL}"
    with database.transaction() as connection:
        services.consents.stop(connection, "text", OTHER, how="text message", words=said, at=clock())
        services.jobs.defer(connection, JobRequest(task="send_notices", args={"notice_id": 1}))
    (job,) = database.fetch("SELECT id FROM procrastinate_jobs WHERE task_name = 'send_notices'")
    services.jobs.record_error(job["id"], f"DETAIL: {said}")
    endpoint = services.webhooks.create(
        EndpointEntry(url="https://example.com", event_types=("viewing.booked",)), ADMIN
    )
    book_manually(services, 24, attendee_name="Maud", attendee_phone=OTHER)
    assert endpoint.endpoint.is_active
    database.fetch("UPDATE webhook_deliveries SET answer = %s", (said,))
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
    assert not services.persons.find(BY_NUMBER, ADMIN).is_empty
    delete(services, BY_NUMBER)
    delete(services, BY_EMAIL)
    assert held_rows(database, "4055550142", EMAIL) == []
    (words,) = database.fetch("SELECT words_revoked FROM contact_consents WHERE recipient = %s", (OTHER,))
    assert words["words_revoked"] == f"STOP, ask my sister: {REMOVED}, {REMOVED}"
    assert [row["request_key"] for row in database.fetch("SELECT request_key FROM api_requests")] == [
        f"booking-{OTHER}"
    ]


def test_export_keeps_letters_of_every_script(services: Services) -> None:
    book_manually(services, 24, attendee_name="מיכל Žižek", attendee_email=EMAIL)
    text = "".join(services.persons.export(BY_EMAIL, ADMIN))
    assert "מיכל Žižek" in text
    assert "\\u" not in text


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_number_is_found_in_every_spelling(services: Services, database: Database, spelling: str) -> None:
    """PostgreSQL finds the row and Python removes the number, with one regular expression."""
    services.calls.record_update(CallUpdate(vapi_call_id="c", caller_number=OTHER, transcript=f"it is {spelling}, ok"))
    assert len(services.persons.find(BY_NUMBER, ADMIN).mentioning_calls) == 1
    delete(services, BY_NUMBER)
    assert held_rows(database, "4055550142") == []
    (row,) = database.fetch("SELECT transcript FROM calls")
    assert row["transcript"].startswith("it is ")
    assert row["transcript"].endswith("ok")


@pytest.mark.parametrize(
    "text", ["94055550142", "40555501422", "405 555 0143", "1405555014", "405 555", "order 405-55-50142x 4055550149"]
)
def test_other_numbers_are_not_found(services: Services, text: str) -> None:
    services.calls.record_update(CallUpdate(vapi_call_id="c", transcript=text))
    found = services.persons.find(BY_NUMBER, ADMIN)
    assert found.is_empty == (text != "order 405-55-50142x 4055550149")


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        (EMAIL.upper(), True),
        (f"mailto:{EMAIL}.", True),
        (f"line\n{EMAIL}", True),
        ("zeb.quackenbush%40example.org", True),
        (f"x{EMAIL}", False),
        (f"{EMAIL}.au", False),
        ("zebxquackenbush@example.org", False),
    ],
)
def test_address_is_found_whole(services: Services, text: str, is_found: bool) -> None:  # noqa: FBT001  # a table
    services.calls.record_update(CallUpdate(vapi_call_id="c", messages=json.dumps([{"message": text}])))
    assert services.persons.find(BY_EMAIL, ADMIN).is_empty != is_found


@pytest.mark.parametrize("text", ["", "Ana", "555-0142", "12", "a@b", "a b@example.com", "x" * 300, "+10000000000"])
def test_what_is_no_person_is_refused(text: str) -> None:
    with pytest.raises(PersonInvalid):
        Person.parse(text)


def test_person_is_parsed_in_the_office_s_country() -> None:
    assert Person.parse("020 7946 0958", "GB") == Person.parse("+44 20 7946 0958")
    assert Person.parse("mailto:Ana@Example.com") == Person("email", "ana@example.com")
    for spelling in ("+44 (0)20 7946 0958", "020 7946 0958", "0044 2079460958"):
        assert Person.parse("020 7946 0958", "GB").removed_from(spelling) != spelling


def test_unknown_person_is_reported(services: Services) -> None:
    with pytest.raises(PersonUnknown, match="Nothing is stored about"):
        services.persons.export(BY_NUMBER, ADMIN)
    with pytest.raises(PersonUnknown):
        services.persons.delete(BY_NUMBER, ADMIN, [])
    assert services.audit.listing(ADMIN).entries == ()


def test_user_account_is_named_and_kept(services: Services, database: Database) -> None:
    services.users.create(EMAIL, "correct horse battery", "agent")
    book_manually(services, 24, attendee_email=EMAIL)
    assert services.persons.find(BY_EMAIL, ADMIN).is_user
    delete(services, BY_EMAIL)
    kept = held_rows(database, EMAIL)
    assert {row.partition(":")[0] for row in kept} <= {"users", "audit_log"}
    assert services.persons.find(BY_EMAIL, ADMIN).is_user


def test_only_admins(services: Services) -> None:
    for act in (services.persons.find, services.persons.export):
        with pytest.raises(AdminsOnly):
            act(BY_NUMBER, AGENT)
    with pytest.raises(AdminsOnly):
        services.persons.delete(BY_NUMBER, AGENT, [])


def test_viewing_booked_after_the_confirmation_is_not_cancelled(services: Services, database: Database) -> None:
    first = book_manually(services, 24, attendee_phone=NUMBER)
    book_manually(services, 25, attendee_phone=NUMBER)
    with pytest.raises(UpcomingChanged):
        services.persons.delete(BY_NUMBER, ADMIN, [first])
    assert (
        len(database.fetch("SELECT id FROM appointments WHERE status = 'confirmed' AND attendee_name = %s", [NAME]))
        == 2
    )


def test_past_viewing_keeps_its_status(services: Services, clock: Clock, database: Database) -> None:
    book_manually(services, 24, attendee_phone=NUMBER)
    clock.forward(days=30)
    services.persons.delete(BY_NUMBER, ADMIN, [])
    (row,) = database.fetch("SELECT status, attendee_name FROM appointments")
    assert tuple(row.values()) == ("confirmed", ANONYMOUS)


def test_closures_that_differ_by_the_person_stay_apart(services: Services, database: Database) -> None:
    """Two closures of the same days may differ by the number only, and a third one may have the name that is left."""
    day = date(2026, 12, 24)
    names = [
        "Party, call (405) 555-0142",
        "Party, call 405.555.0142",
        f"Party, call {REMOVED}",
        f"Party, call {REMOVED} 2",
    ]
    closures = [ClosureEntry(name=name, first_day=day, last_day=day) for name in names]
    added = services.closures.add([*closures, replace(closures[0], first_day=date(2026, 12, 23))], ADMIN)
    assert len(added) == 5
    services.persons.delete(BY_NUMBER, ADMIN, [])
    rows = database.fetch("SELECT name, updated_at FROM office_closures ORDER BY closure_id")
    assert [row["name"] for row in rows] == [
        f"Party, call {REMOVED} 3",
        f"Party, call {REMOVED} 4",
        f"Party, call {REMOVED}",
        f"Party, call {REMOVED} 2",
        f"Party, call {REMOVED}",
    ], "the fifth is of other days"
    changed = [row["updated_at"] != closure.updated_at for row, closure in zip(rows, added, strict=True)]
    assert changed == [True, True, False, False, True], "a form that was opened before would bring the number back"
    notes = database.fetch("SELECT DISTINCT closure_id, note FROM agent_busy ORDER BY closure_id")
    assert [row["note"] for row in notes] == [row["name"] for row in rows]
    assert services.persons.find(BY_NUMBER, ADMIN).is_empty


def test_failed_deletion_changes_nothing(
    written: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = upcoming(written, BY_NUMBER)
    before = held_rows(database, "4055550142")

    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("peterental.agents.personal_data_repository.NotePersonalDataRepository.remove", fail)
    with pytest.raises(ZeroDivisionError):
        written.persons.delete(BY_NUMBER, ADMIN, ids)
    assert held_rows(database, "4055550142") == before


@pytest.mark.usefixtures("real_time_limits")
def test_lock_of_another_session_is_reported(services: Services, database_url: str) -> None:
    book_manually(services, 24, attendee_phone=NUMBER)
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM agents FOR UPDATE")
        with pytest.raises(DatabaseBusy):
            delete(services, BY_NUMBER)


def test_search_that_takes_too_long_names_the_command(
    services: Services, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    book_manually(services, 24, attendee_phone=NUMBER)

    def sleep(_: object, connection: Any, pattern: str) -> None:
        del pattern
        connection.execute("SELECT pg_sleep(600)").fetchall()

    monkeypatch.setattr("peterental.appointments.personal_data_repository.BookingPersonalDataRepository.search", sleep)
    with pytest.raises(SearchTooSlow, match="longer than 1 second. Run flask person-export in a shell"):
        services.persons.find(BY_NUMBER, ADMIN, timeout_s=1)
    assert database.fetch("SHOW statement_timeout") != [{"statement_timeout": "1s"}]


def test_pseudonym_depends_on_the_key() -> None:
    assert BY_NUMBER.pseudonym(b"a") != BY_NUMBER.pseudonym(b"b")
    assert BY_NUMBER.pseudonym(b"a") != BY_EMAIL.pseudonym(b"a")
    assert BY_EMAIL.label == "e-mail address"


def test_long_text_is_searched_in_linear_time() -> None:
    """The number of steps grows with the text: the nearest misses over and over, ten times as long."""
    for text in ("405 555 014 " * 20_000, "0" * 200_000, "1 " * 100_000, "oh " * 60_000, "+(" * 100_000):
        assert BY_NUMBER.removed_from(text) == text
    for text in ("zeb." * 50_000, "zeb dot " * 30_000, "zeb" + " " * 200_000, EMAIL[:-1] * 8_000):
        assert BY_EMAIL.removed_from(text) == text


def test_json_values_lose_the_person_in_keys_texts_and_numbers() -> None:
    value = {"405 555 0142": [4055550142, 4055550142.0, True, None, 7, "x 4055550142"]}
    assert BY_NUMBER.removed_from(value) == {REMOVED: [REMOVED, REMOVED, True, None, 7, f"x {REMOVED}"]}
