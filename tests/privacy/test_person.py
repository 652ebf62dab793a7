"""One person's data is found, exported and deleted wherever it was written."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import psycopg
import pytest

from peterental.access import AdminsOnly
from peterental.agents.time_off.model import ClosureEntry
from peterental.audit.model import LogFilter
from peterental.calls.model import REDUCED_ANSWER, CallUpdate
from peterental.database.connect import DatabaseBusy
from peterental.database.pool import Database
from peterental.privacy.model import ANONYMOUS, SearchTooSlow, UpcomingChanged
from peterental.privacy.person import REMOVED, Person, PersonInvalid, PersonUnknown
from peterental.services import Services
from tests.notices.office import FakeTransport
from tests.privacy.documented import columns
from tests.privacy.written import (
    ADMIN,
    AGENT,
    BY_EMAIL,
    BY_NUMBER,
    EMAIL,
    NAME,
    NUMBER,
    OF_NO_PERSON,
    OTHER,
    TRACES,
    all_columns,
    book_manually,
    held_rows,
    held_values,
    report,
    use_transports,
    write_everywhere,
    write_mentions,
    write_notices,
)
from tests.voice.homes import add_home
from tests.voice.phone import ELM, Clock, Phone

SPELLINGS = (
    "+14055550142", "14055550142", "4055550142", "(405) 555-0142", "405.555.0142", "+1 405 555 01 42", "001-405-555-0142",
    "405 - 555 - 0142", "4 0 5 5 5 5 0 1 4 2", "tel:+1-405-555-0142", "%2B1%20405%20555%200142", "sip:+14055550142@trunk.example", "+14055550142;ext=5",
    "four oh five, five five five, oh one four two", "cuatro cero cinco cinco cinco cinco cero uno cuatro dos",
)  # fmt: skip


@pytest.fixture
def written(phone: Phone, services: Services, database: Database, clock: Clock) -> Services:
    use_transports(services, database, clock)
    write_everywhere(phone, services)
    write_notices(services, database, clock)
    return services


def upcoming(services: Services, person: Person) -> list[int]:
    return [booking.appointment_id for booking in services.persons.find(person, ADMIN).upcoming]


def delete(services: Services, person: Person) -> None:
    services.persons.delete(person, ADMIN, upcoming(services, person))


def test_deleted_person_is_in_no_column_of_any_table(written: Services, database: Database, clock: Clock) -> None:
    """Before, the person is in each column of which docs/privacy.md says that a deletion reaches it."""
    write_mentions(written, database, clock)
    reached = {f"{table}.{column}" for table, names in columns("deleted").items() for column in names}
    empty = {place for place in reached & all_columns(database) if not held_values(database, *place.split("."))}
    assert empty == OF_NO_PERSON
    delete(written, BY_NUMBER)
    delete(written, BY_EMAIL)
    assert held_rows(database, *TRACES) == []
    for person in (BY_NUMBER, BY_EMAIL):
        assert written.persons.find(person, ADMIN).is_empty
    (words,) = database.fetch(
        "SELECT words_revoked FROM contact_consents WHERE recipient = %s AND purpose = 'all'", (OTHER,)
    )
    assert words["words_revoked"] == f"Ask my sister: {REMOVED}, {REMOVED}"
    keys = database.fetch("SELECT request_key FROM api_requests")
    assert [row["request_key"] for row in keys] == [f"booking-{OTHER}"]


@pytest.mark.parametrize("person", [BY_NUMBER, BY_EMAIL], ids=["number", "address"])
def test_viewing_takes_along_what_its_other_contact_wrote(
    services: Services, phone: Phone, database: Database, clock: Clock, person: Person
) -> None:
    """The viewing that named both is anonymous afterwards, so nobody could find what is left under the other one."""
    use_transports(services, database, clock)
    phone.number = NUMBER
    phone.say("set_appointment", {**ELM, "attendee_name": NAME, "attendee_email": EMAIL, "start_time": "tomorrow 3 pm"})
    write_notices(services, database, clock)
    (viewing,) = database.fetch("SELECT id FROM appointments")
    database.fetch("DELETE FROM text_replies WHERE sender <> %s", (NUMBER,))
    database.fetch("UPDATE text_replies SET appointment_id = %s, body = 'Is there a garage?'", (viewing["id"],))
    database.fetch(
        "INSERT INTO messages (agent_id, body, attendee_name, attendee_phone, received_at, appointment_id)"
        " VALUES ('ana', 'Is there a garage?', %s, %s, NOW(), %s)",
        (NAME, NUMBER, viewing["id"]),
    )
    database.fetch("DELETE FROM waitlist")
    database.fetch(
        "INSERT INTO waitlist (agent_id, vapi_call_id, attendee_name, phone, property_address, wanted, appointment_id)"
        " VALUES ('ana', 'call-1', %(name)s, %(other)s, '5 Ash Lane', %(wanted)s, NULL),"
        " ('ana', NULL, %(name)s, %(number)s, '5 Ash Lane', %(wanted)s, %(id)s)",
        {"name": NAME, "other": OTHER, "number": NUMBER, "wanted": "{[2030-01-01, 2030-01-02)}", **viewing},
    )
    database.fetch(
        "INSERT INTO notices (kind, channel, audience, recipient, about, expires_at, state, body)"
        " SELECT 'waitlist_offer', 'text', 'visitor', phone, 'waitlist:' || entry_id || ':1', NOW(), 'sent',"
        " 'A viewing of 5 Ash Lane' FROM waitlist"
    )
    document = json.loads("".join(services.persons.export(person, ADMIN)))
    assert {consent["to"] for consent in document["consents"]} == {NUMBER, EMAIL}
    assert [len(document[kind]) for kind in ("texts", "messages", "waitlist")] == [1, 1, 2]
    delete(services, person)
    assert held_rows(database, *TRACES) == []
    assert held_rows(database, "garage", "ash lane") == []


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
    assert {consent["to"] for consent in document["consents"]} == {NUMBER, EMAIL}
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


def test_letter_to_an_agent_that_was_written_before_is_not_sent(
    services: Services, database: Database, clock: Clock
) -> None:
    """A mail server may take its time between the greeting and the text of a letter."""
    use_transports(services, database, clock)
    services.calls.record_update(CallUpdate(vapi_call_id="c", caller_number=NUMBER, status="ended"))
    database.fetch("UPDATE calls SET agent_id = 'ana', outcomes = '{fault}'")
    (notice,) = database.fetch(
        "INSERT INTO notices (agent_id, kind, channel, audience, recipient, about, created_at, due_at, expires_at)"
        " VALUES ('ana', 'agent_flagged_call', 'email', 'agent', 'ana@example.com', 'call:c', %(now)s, %(now)s,"
        " %(now)s::timestamptz + INTERVAL '1 day') RETURNING notice_id",
        {"now": clock()},
    )
    mails = services.notice_sender.transports["email"]
    assert isinstance(mails, FakeTransport)
    mails.before_hand_over = lambda: delete(services, BY_NUMBER)
    services.notice_sender.send(notice["notice_id"])
    mails.before_hand_over = lambda: None
    assert mails.taken == []
    services.notice_sender.look_up()
    services.notice_sender.send(notice["notice_id"])
    assert held_rows(database, "4055550142") == []
    assert not any(NUMBER[-4:] in letter.body for letter in mails.taken)


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
