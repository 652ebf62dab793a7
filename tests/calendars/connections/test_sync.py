"""Busy times follow the calendar, and nothing that goes wrong makes a busy time free."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from peterental.agents.working_hours.model import BusyBlockRequest
from peterental.calendars.model import (
    BusyTime,
    CalendarAccessLost,
    CalendarFault,
    CalendarGone,
    CalendarNonsense,
    CalendarThrottled,
    CalendarUnreachable,
    Reading,
)
from peterental.calendars.repository import stored_key
from peterental.config import Config
from peterental.services import build_services
from tests.calendars.connections.conftest import OFFICE, Line
from tests.calendars.scripted import ScriptedCalendar

FAULTS = [
    CalendarUnreachable(host="dav.example.com", reason="no answer"),
    CalendarNonsense(host="dav.example.com", reason="a page in place of a calendar"),
    CalendarAccessLost(host="dav.example.com"),
    CalendarThrottled(host="dav.example.com", retry_after_s=60),
    CalendarGone(name="Work"),
]


def test_busy_times_are_stored_without_titles(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    (row,) = line.busy_rows()
    assert (row["start"], row["until"]) == (line.noon, line.noon + timedelta(hours=1))
    assert row["source"] == "Work (CalDAV ana@example.com)"
    assert row["kind"] == "busy"
    assert row["note"] is None


def test_titles_are_stored_on_request_and_deleted(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    chosen = {"blocking": [line.calendar().calendar_id], "receiving": None, "viewer": OFFICE}
    line.services.calendars.choose(line.account_id, keeps_titles=True, **chosen)  # type: ignore[arg-type]
    line.sync()
    assert [row["note"] for row in line.busy_rows()] == ["Dentist"]
    line.services.calendars.choose(line.account_id, keeps_titles=False, **chosen)  # type: ignore[arg-type]
    assert [row["note"] for row in line.busy_rows()] == [None]


def test_only_the_default_calendar_blocks_at_first(line: Line) -> None:
    line.busy_at(line.noon, calendar="holidays")
    line.connect()
    assert line.busy_rows() == []
    both = [line.calendar().calendar_id, line.calendar("Holidays").calendar_id]
    line.services.calendars.choose(line.account_id, blocking=both, receiving=None, keeps_titles=False, viewer=OFFICE)
    line.sync()
    assert len(line.busy_rows()) == 1
    line.services.calendars.choose(
        line.account_id, blocking=both[:1], receiving=None, keeps_titles=False, viewer=OFFICE
    )
    assert line.busy_rows() == [], "a calendar that is not wanted any more blocks nothing at once"


def test_manual_busy_times_are_never_touched(line: Line) -> None:
    day = line.noon.date()
    line.services.hours.add_busy_block("ana", BusyBlockRequest(first_day=day, last_day=day), OFFICE)
    line.busy_at(line.noon)
    line.connect()
    line.remote.busy["work"] = {}
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    (row,) = line.busy_rows()
    assert row["calendar_id"] is None


def test_increment_changes_what_it_names(line: Line, remote: ScriptedCalendar) -> None:
    for key, hours in (("a", 0), ("b", 2), ("c", 4)):
        line.busy_at(line.noon + timedelta(hours=hours), key=key)
    line.connect()
    moved = BusyTime(start=line.noon + timedelta(hours=6), end=line.noon + timedelta(hours=7), kind="tentative")
    remote.increments = [Reading(is_whole=False, busy={"a": (moved,)}, removed=frozenset({"b"}), cursor="next")]
    line.sync()
    assert [(row["start"], row["kind"]) for row in line.busy_rows()] == [
        (line.noon + timedelta(hours=4), "busy"),
        (line.noon + timedelta(hours=6), "tentative"),
    ]
    assert remote.reads[-1][1] == "cursor 1"
    assert line.calendar().read_cursor == "next"


def test_event_with_two_times_is_stored_twice_and_once_each(line: Line, remote: ScriptedCalendar) -> None:
    time = BusyTime(start=line.noon, end=line.noon + timedelta(hours=1))
    later = BusyTime(start=line.noon + timedelta(days=1), end=line.noon + timedelta(days=1, hours=1))
    remote.busy["work"] = {"series": (time, later, time)}
    line.connect()
    assert [row["start"] for row in line.busy_rows()] == [time.start, later.start]


def test_unchanged_rows_stay_as_they_are(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    (before,) = line.database.fetch("SELECT busy_id FROM agent_busy")
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")
    line.sync()
    assert line.database.fetch("SELECT busy_id FROM agent_busy") == [before]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_no_fault_frees_a_busy_time(line: Line, remote: ScriptedCalendar, fault: Exception) -> None:
    line.busy_at(line.noon)
    line.connect()
    read_at = line.calendar().read_at
    remote.fault = fault
    result = line.sync()
    assert (result.state, result.problem) == ("failed", str(fault))
    assert len(line.busy_rows()) == 1
    assert line.calendar().read_at == read_at
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert each.account.problem == str(fault)
    assert each.account.failures == 1
    assert (each.account.state == "reauth_required") is isinstance(fault, CalendarAccessLost)
    remote.fault = None
    line.database.fetch("UPDATE calendar_accounts SET retry_at = NULL")
    assert line.sync().state == "read"
    (each,) = line.services.calendars.overview("ana", OFFICE).accounts
    assert (each.account.state, each.account.problem, each.account.failures) == ("connected", None, 0)


def test_trouble_is_logged_once(line: Line, remote: ScriptedCalendar, caplog: pytest.LogCaptureFixture) -> None:
    line.connect()
    remote.fault = FAULTS[0]
    with caplog.at_level(logging.INFO, "peterental.calendars"):
        for _ in range(3):
            line.sync()
        remote.fault = None
        line.sync()
    assert [record.getMessage() for record in caplog.records] == [
        "CalDAV ana@example.com: dav.example.com cannot be reached: no answer.",
        "CalDAV ana@example.com can be read again",
    ]


def break_calendar(line: Line, remote: ScriptedCalendar, broken: str, fault: CalendarFault) -> None:
    """Let a calendar of the account fail, the first one by name, with an event in the other one."""
    line.database.fetch("UPDATE calendars SET name = 'A calendar', read_cursor = NULL WHERE remote_id = %s", (broken,))
    line.busy_at(line.noon, calendar="work" if broken == "holidays" else "holidays")
    original = remote.read

    def read(remote_id: str, *more: object) -> Reading:
        if remote_id == broken:
            raise fault
        return original(remote_id, *more)  # type: ignore[arg-type]

    remote.read = read  # type: ignore[method-assign,assignment]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_one_broken_calendar_does_not_stop_the_others(
    line: Line, remote: ScriptedCalendar, fault: CalendarFault
) -> None:
    """Unless the provider wants to be left alone, or the sign-in is refused."""
    line.connect()
    both = [line.calendar().calendar_id, line.calendar("Holidays").calendar_id]
    line.services.calendars.choose(line.account_id, blocking=both, receiving=None, keeps_titles=False, viewer=OFFICE)
    break_calendar(line, remote, "holidays", fault)
    assert line.sync().problem == str(fault)
    assert len(line.busy_rows()) == (0 if isinstance(fault, CalendarAccessLost | CalendarThrottled) else 1)


def test_calendar_that_only_receives_viewings_is_read_last(line: Line, remote: ScriptedCalendar) -> None:
    """Whatever is wrong with it, free times are known."""
    line.connect()
    blocking, receiving = line.calendar("Holidays").calendar_id, line.calendar("Work").calendar_id
    line.services.calendars.choose(
        line.account_id, blocking=[blocking], receiving=receiving, keeps_titles=False, viewer=OFFICE
    )
    fault = CalendarThrottled(host="dav.example.com", retry_after_s=60)
    break_calendar(line, remote, "work", fault)
    assert line.sync().problem == str(fault)
    assert len(line.busy_rows()) == 1
    assert not line.services.calendars.overview("ana", OFFICE).is_phone_closed


def test_two_processes_never_ask_one_mailbox_at_once(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    other = build_services(line.database)
    seen = []

    def ask_as_well() -> None:
        result = other.calendar_sync.sync(line.account_id)
        seen.append(result.state if result else None)

    remote.before_answer = ask_as_well
    assert line.sync().state == "read"
    assert seen == ["busy"]


def test_reading_of_a_lease_that_ended_is_not_stored(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.busy_at(line.noon)
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")

    def end_lease() -> None:
        line.database.fetch("UPDATE calendar_accounts SET lease_token = gen_random_uuid()")

    remote.before_answer = end_lease
    line.sync()
    assert line.busy_rows() == [], "another process took over and stores what it reads"


def test_killed_process_holds_an_account_three_minutes(line: Line) -> None:
    line.connect()
    line.database.fetch(
        "UPDATE calendar_accounts SET lease_token = gen_random_uuid(), leased_until = NOW() + INTERVAL '3 minutes'"
    )
    assert line.sync().state == "busy"
    line.database.fetch("UPDATE calendar_accounts SET leased_until = NOW() - INTERVAL '1 second'")
    assert line.sync().state == "read"


def test_caller_waits_for_the_process_that_reads(line: Line) -> None:
    line.connect()
    line.age(16)
    line.database.fetch(
        "UPDATE calendar_accounts SET lease_token = gen_random_uuid(), leased_until = NOW() + INTERVAL '0.3 seconds'"
    )
    assert line.book().startswith("You're booked")


def test_window_follows_the_horizon_and_the_zone(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    now = datetime.now(UTC)
    window = remote.windows[-1]
    assert window.start < now - timedelta(hours=23)
    assert window.end > now + timedelta(days=14 + 2)
    line.sync()
    assert remote.reads[-1][1] is not None, "nothing has changed: the cursor is used"
    assert (remote.windows[-1].start, remote.windows[-1].end) == (window.start, window.end)
    for change in (
        "UPDATE agents SET time_zone = 'America/Chicago'",
        "UPDATE agents SET horizon_days = 30",
        "UPDATE calendars SET read_whole_at = read_whole_at - INTERVAL '21 hours'",
    ):
        line.database.fetch(change)
        line.sync()
        assert remote.reads[-1][1] is None, change
        line.sync()
        assert remote.reads[-1][1] is not None, change


def test_due_accounts_are_those_read_five_minutes_ago(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    sync = line.services.calendar_sync
    assert sync.due() == []
    line.age(6)
    assert sync.due() == [line.account_id]
    remote.fault = FAULTS[2]
    line.sync()
    assert sync.due() == [], "a refused sign-in is tried once an hour"
    line.database.fetch("UPDATE calendar_accounts SET attempted_at = attempted_at - INTERVAL '61 minutes'")
    assert sync.due() == [line.account_id]
    remote.fault = FAULTS[3]
    line.sync()
    line.database.fetch("UPDATE calendar_accounts SET attempted_at = attempted_at - INTERVAL '61 minutes'")
    assert sync.due() == [], "the provider asked to be left alone"


def test_unused_account_is_not_read(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.services.calendars.choose(line.account_id, blocking=[], receiving=None, keeps_titles=False, viewer=OFFICE)
    reads = len(remote.reads)
    assert line.services.calendar_sync.due() == []
    assert line.sync().state == "read"
    assert len(remote.reads) == reads
    assert line.book().startswith("You're booked")


def test_notes_are_kept_until_the_next_whole_reading(line: Line, remote: ScriptedCalendar) -> None:
    remote.notes = ("An event of May 3 has an unknown time zone.",)
    line.connect()
    assert line.calendar().notes == remote.notes
    remote.increments = [Reading(is_whole=False, cursor="next")]
    line.sync()
    assert line.calendar().notes == remote.notes


def test_disconnected_account_is_nothing_to_read(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    account_id = line.account_id
    line.services.calendars.disconnect(account_id, OFFICE)
    assert line.services.calendar_sync.sync(account_id) is None
    assert line.busy_rows() == []
    assert line.book().startswith("You're booked")


def test_lost_key_means_connecting_again(line: Line) -> None:
    line.busy_at(line.noon)
    line.connect()
    config = Config(secret_key="another key for tests, long enough too")
    result = build_services(line.database, config=config).calendar_sync.sync(line.account_id)
    assert result is not None
    assert result.problem == (
        "The sign-in of CalDAV ana@example.com cannot be decrypted: CREDENTIALS_KEY has changed."
        " Connect the calendar again."
    )
    assert len(line.busy_rows()) == 1
    line.connect()
    assert line.sync().state == "read"


def test_long_keys_are_stored_apart() -> None:
    first, second = (stored_key("x" * 2000 + end) for end in "ab")
    assert first != second
    assert len(first) == len(second) == 1024
    assert stored_key("a\x00b") == "ab"


# --- choices ---------------------------------------------------------------------------------------------------------


def choose(line: Line, *, blocks: bool, keeps_titles: bool = False) -> None:
    """Choose whether the calendar that receives the viewings blocks."""
    work = line.calendar().calendar_id
    line.services.calendars.choose(
        line.account_id, blocking=[work] if blocks else [], receiving=work, keeps_titles=keeps_titles, viewer=OFFICE
    )


def test_calendar_that_blocks_again_is_read_whole(line: Line, remote: ScriptedCalendar) -> None:
    line.busy_at(line.noon)
    line.connect()
    choose(line, blocks=False)
    assert line.busy_rows() == []
    line.sync()
    choose(line, blocks=True)
    assert line.calendar().read_at is None, "not relied on before it was read"
    remote.increments = [Reading(is_whole=False, cursor="nothing new")]
    line.sync()
    assert [row["start"] for row in line.busy_rows()] == [line.noon]
    assert "taken" in line.book()


@pytest.mark.parametrize("blocks", [False, True])
def test_choice_during_a_reading_is_kept(line: Line, remote: ScriptedCalendar, *, blocks: bool) -> None:
    line.busy_at(line.noon)
    line.connect()
    choose(line, blocks=not blocks)
    line.sync()
    line.database.fetch("UPDATE calendars SET read_cursor = NULL")

    def choose_now() -> None:
        remote.before_answer = lambda: None
        choose(line, blocks=blocks)

    remote.before_answer = choose_now
    line.sync()
    assert line.busy_rows() == []
    assert line.calendar().read_at is None, "the reading was made for another choice"
    line.sync()
    assert [row["start"] for row in line.busy_rows()] == ([line.noon] if blocks else [])


def test_titles_that_are_refused_during_a_reading_are_not_stored(line: Line, remote: ScriptedCalendar) -> None:
    line.busy_at(line.noon)
    line.connect()
    choose(line, blocks=True, keeps_titles=True)

    def refuse_titles() -> None:
        remote.before_answer = lambda: None
        choose(line, blocks=True)

    remote.before_answer = refuse_titles
    line.sync()
    assert [row["note"] for row in line.busy_rows()] == [None]


def test_row_without_a_kind_hides_no_busy_time(line: Line, remote: ScriptedCalendar) -> None:
    line.connect()
    line.database.fetch(
        "INSERT INTO agent_busy (agent_id, calendar_id, during) VALUES ('ana', %s, tstzrange(%s, %s))",
        (line.calendar().calendar_id, line.noon, line.noon + timedelta(minutes=5)),
    )
    later = BusyTime(start=line.noon + timedelta(hours=2), end=line.noon + timedelta(hours=3))
    remote.increments = [Reading(is_whole=False, busy={"e2": (later,)}, cursor="next")]
    line.sync()
    assert line.noon + timedelta(hours=2) in [row["start"] for row in line.busy_rows()]
