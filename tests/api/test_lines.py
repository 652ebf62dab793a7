"""Free times of lines, and bookings that leave the agent to a line."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from peterental.access import Viewer
from peterental.appointments.line_bookings.model import LineBooking
from peterental.appointments.model import SlotTaken
from peterental.database.pool import Database
from peterental.properties.model import PropertyDetails, PropertySettings
from peterental.services import Services
from tests.api.conftest import Tool, next_monday

LINE = "/agents/ana/line"


@pytest.fixture(autouse=True)
def line(services: Services, database: Database, admin: Viewer, ana: Viewer) -> None:
    """Ana's line books Ana, who works in the morning, and Ben, who works from ten."""
    del ana
    database.fetch("UPDATE agents SET time_zone = 'America/Chicago', horizon_days = 60 WHERE agent_id = 'ben'")
    database.fetch("UPDATE agent_hours SET opens_at = '10:00', closes_at = '12:00' WHERE agent_id = 'ben'")
    database.fetch("UPDATE agent_hours SET opens_at = '09:00', closes_at = '11:00' WHERE agent_id = 'ana'")
    services.shared_lines.share("ana", ("ben", "ana"), "first_free", admin, seen=None)


@pytest.fixture
def body() -> dict[str, Any]:
    """The body of a booking at a time that both have free."""
    return {
        "start": next_monday().isoformat(),
        "home": "12 Elm Street",
        "visitor_name": "Max Muster",
        "visitor_phone": "+1 405 555 0123",
    }


def monday(tool: Tool, query: str = "") -> dict[str, list[str]]:
    """Return the free times of that Monday, with who is free."""
    found = tool.get(f"{LINE}/free-times?from={next_monday().date()}&days=1{query}").get_json()
    (day,) = found["days"]
    return {time["start"][11:16]: time["agent_ids"] for time in day["times"]}


def test_free_times_are_those_of_all_agents(offices: Tool) -> None:
    found = offices.get(f"{LINE}/free-times?from={next_monday().date()}&days=2").get_json()
    assert {name: found[name] for name in ("line_agent_id", "time_zone", "choice", "agent_ids")} == {
        "line_agent_id": "ana",
        "time_zone": "America/Chicago",
        "choice": "first_free",
        "agent_ids": ["ben", "ana"],
    }
    assert [day["day"] for day in found["days"]] == [
        str(next_monday().date()),
        str(next_monday().date() + timedelta(1)),
    ]
    assert monday(offices) == {
        "09:00": ["ana"],
        "09:30": ["ana"],
        "10:00": ["ben", "ana"],
        "10:30": ["ben", "ana"],
        "11:00": ["ben"],
        "11:30": ["ben"],
    }
    own = offices.get(f"/agents/ana/free-times?from={next_monday().date()}&days=1").get_json()["days"][0]["times"]
    assert [time["start"][11:16] for time in own] == ["09:00", "09:30", "10:00", "10:30"], "of one agent, as before"


def test_home_narrows_agents_and_times(
    offices: Tool, services: Services, admin: Viewer, database: Database, body: dict[str, Any]
) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('cleo', 'Cleo')")
    bens = services.properties.add(PropertyDetails(line1="1 Elm Street", shown_by=frozenset({"ben"})), admin)
    nobodys = services.properties.add(PropertyDetails(line1="2 Elm Street", shown_by=frozenset({"cleo"})), admin)
    assert set(monday(offices, f"&home_id={bens}")) == {"10:00", "10:30", "11:00", "11:30"}
    assert monday(offices, f"&home_id={nobodys}") == {}
    del body["home"]
    booked = offices.post(f"{LINE}/viewings", {**body, "home_id": bens})
    assert (booked.status_code, booked.get_json()["agent_id"], booked.get_json()["home_id"]) == (201, "ben", bens)
    refused = offices.post(f"{LINE}/viewings", {**body, "home_id": nobodys})
    assert (refused.status_code, refused.get_json()["code"]) == (409, "refused")
    assert offices.get(f"{LINE}/free-times?home_id=999").get_json()["code"] == "home_not_found"
    assert offices.post(f"{LINE}/viewings", {**body, "home_id": 999}).get_json()["code"] == "home_not_found"


def test_viewings_of_the_home_are_in_the_way(
    offices: Tool, services: Services, admin: Viewer, body: dict[str, Any]
) -> None:
    home_id = services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    services.properties.change_settings(PropertySettings(one_viewing_at_a_time=True), admin)
    del body["home"]
    assert offices.post(f"{LINE}/viewings", {**body, "home_id": home_id}).get_json()["agent_id"] == "ben"
    assert "10:00" not in monday(offices, f"&home_id={home_id}")
    assert monday(offices)["10:00"] == ["ana"]
    times = offices.get(f"/agents/ana/free-times?from={next_monday().date()}&days=1&home_id={home_id}").get_json()
    assert [time["start"][11:16] for time in times["days"][0]["times"]] == ["09:00", "09:30", "10:30"]
    refused = offices.post(f"{LINE}/viewings", {**body, "home_id": home_id})
    assert refused.get_json()["code"] == "slot_taken"
    assert len(refused.get_json()["nearest"]) == 3


def test_line_chooses_the_first_who_is_free(offices: Tool, database: Database, body: dict[str, Any]) -> None:
    booked = [offices.post(f"{LINE}/viewings", body) for _ in range(3)]
    assert [answer.status_code for answer in booked] == [201, 201, 409]
    assert [answer.get_json()["agent_id"] for answer in booked[:2]] == ["ben", "ana"]
    assert booked[2].get_json()["code"] == "slot_taken"
    assert len(booked[2].get_json()["nearest"]) == 3
    assert booked[0].headers["Location"] == f"/api/v1/viewings/{booked[0].get_json()['id']}"
    rows = database.fetch("SELECT actor, action, after FROM audit_log WHERE subject_kind = 'appointment' ORDER BY 1")
    assert [(row["actor"], row["action"], row["after"]["line"]) for row in rows] == [
        ("office@example.com", "booked", "Ana")
    ] * 2
    assert {row["after"]["agent_id"] for row in rows} == {"ana", "ben"}
    events = database.fetch("SELECT kind, actor FROM appointment_events")
    assert [tuple(event.values()) for event in events] == [("booked", "office@example.com")] * 2


def test_line_books_in_turn_with_its_callers(
    offices: Tool, services: Services, admin: Viewer, database: Database, body: dict[str, Any]
) -> None:
    seen = services.shared_lines.sharing("ana", admin).updated_at
    services.shared_lines.share("ana", ("ben", "ana"), "round_robin", admin, seen=seen)
    database.fetch("UPDATE line_members SET last_booked_at = NOW() - INTERVAL '1 hour' WHERE agent_id = 'ben'")
    assert monday(offices)["10:30"] == ["ana", "ben"], "the one who would be booked comes first"
    assert offices.post(f"{LINE}/viewings", body).get_json()["agent_id"] == "ana"
    later = {**body, "start": (next_monday() + timedelta(minutes=30)).isoformat()}
    assert offices.post(f"{LINE}/viewings", later).get_json()["agent_id"] == "ben"


def test_time_that_no_agent_has_is_refused(offices: Tool, body: dict[str, Any]) -> None:
    for moment in (
        next_monday() + timedelta(hours=5),
        next_monday() + timedelta(minutes=7),
        next_monday() - timedelta(30),
    ):
        refused = offices.post(f"{LINE}/viewings", {**body, "start": moment.isoformat()})
        assert (refused.status_code, refused.get_json()["code"]) == (409, "not_free")
        assert len(refused.get_json()["nearest"]) == 3


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"agent_id": "ana"}, "agent_id"),
        ({"minutes": 30}, "minutes"),
        ({"start": "2026-12-07T10:00:30-06:00"}, "start"),
        ({"start": "9999-12-07T10:00:00-06:00"}, "start"),
        ({"home": None}, "home"),
        ({"home_id": 1}, "home_id"),
        ({"visitor_name": ""}, "visitor_name"),
    ],
)
def test_invalid_fields_are_named(offices: Tool, body: dict[str, Any], fields: dict[str, Any], named: str) -> None:
    refused = offices.post(f"{LINE}/viewings", {**body, **fields})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.get_json()["errors"]] == [named]


def test_same_key_books_once(offices: Tool, database: Database, body: dict[str, Any]) -> None:
    first = offices.post(f"{LINE}/viewings", body, Idempotency_Key="lead-1")
    again = offices.post(f"{LINE}/viewings", body, Idempotency_Key="lead-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.get_json()["id"] == first.get_json()["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert database.fetch("SELECT COUNT(*) AS number FROM appointments") == [{"number": 1}]
    other = offices.post("/agents/ben/line/viewings", body, Idempotency_Key="lead-1")
    assert other.get_json()["code"] == "idempotency_key_reused"


def test_same_booking_at_the_same_moment_books_once(services: Services, admin: Viewer, database: Database) -> None:
    """The forms' key is unique, whatever lines they are of."""
    start = next_monday()

    def book(line_agent_id: str) -> str:
        entry = LineBooking(
            line_agent_id=line_agent_id, start=start, key="one", property_address="1 Elm", attendee_name="Max"
        )
        try:
            return services.line_bookings.book(entry, admin).agent_id
        except Exception as refusal:  # noqa: BLE001 - its name is compared
            return type(refusal).__name__

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(book, ["ana", "ben", "ana", "ben"]))
    assert sorted(results)[:3] == ["DuplicateSubmission"] * 3
    assert database.fetch("SELECT COUNT(*) AS number FROM appointments") == [{"number": 1}]


def test_lines_that_share_agents_book_nobody_twice(services: Services, admin: Viewer, database: Database) -> None:
    """Two lines in opposite order, one home at a time: no deadlock, no double booking of an agent or a home."""
    services.shared_lines.share("ben", ("ana", "ben"), "round_robin", admin, seen=None)
    home_id = services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    services.properties.change_settings(PropertySettings(one_viewing_at_a_time=True), admin)
    starts = [next_monday() + timedelta(minutes=30 * step) for step in range(2)]

    def book(number: int) -> str:
        entry = LineBooking(
            line_agent_id=("ana", "ben")[number % 2],
            start=starts[number // 2 % 2],
            key=f"key-{number}",
            property_address="1 Elm Street",
            property_id=home_id if number % 3 else None,
            attendee_name=f"Visitor {number}",
        )
        try:
            services.line_bookings.book(entry, admin)
        except SlotTaken as refusal:
            return "taken" if refusal.nearest else "taken, without other times"
        return "booked"

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(book, range(12)))
    rows = database.fetch("SELECT agent_id, start_time, property_id FROM appointments")
    assert len(rows) == results.count("booked") >= 2
    assert set(results) == {"booked", "taken"}
    assert len({(row["agent_id"], row["start_time"]) for row in rows}) == len(rows)
    homes = [row["start_time"] for row in rows if row["property_id"]]
    assert len(set(homes)) == len(homes)


def test_home_that_two_lines_want_is_booked_once(services: Services, admin: Viewer, database: Database) -> None:
    """Their agents are different, so their locks are, too: the one who comes second is told the nearest times."""
    database.fetch(
        "INSERT INTO agents (agent_id, agent_name, horizon_days) VALUES ('cleo', 'Cleo', 60), ('dan', 'Dan', 60)"
    )
    home_id = services.properties.add(PropertyDetails(line1="1 Elm Street"), admin)
    services.properties.change_settings(PropertySettings(one_viewing_at_a_time=True), admin)

    def book(line_agent_id: str) -> tuple[datetime, ...] | str:
        entry = LineBooking(
            line_agent_id=line_agent_id,
            start=next_monday(),
            key=line_agent_id,
            property_address="1 Elm Street",
            property_id=home_id,
            attendee_name="Max",
        )
        try:
            return services.line_bookings.book(entry, admin).agent_id
        except SlotTaken as refusal:
            return refusal.nearest

    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(book, ["ana", "cleo", "dan"]))
    assert sum(isinstance(result, str) for result in results) == 1
    assert all(len(result) == 3 for result in results if not isinstance(result, str))


def test_line_is_used_by_who_may_see_all_its_agents(
    anas: Tool, services: Services, admin: Viewer, body: dict[str, Any]
) -> None:
    for answer in (anas.get(f"{LINE}/free-times"), anas.post(f"{LINE}/viewings", body)):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
        assert "admin" in answer.get_json()["detail"]
    for path in ("/agents/ben/line", "/agents/nobody/line", "/agents/%00/line"):
        assert anas.get(f"{path}/free-times").get_json()["code"] == "agent_not_found"
        assert anas.post(f"{path}/viewings", body).get_json()["code"] == "agent_not_found"
    seen = services.shared_lines.sharing("ana", admin).updated_at
    services.shared_lines.share("ana", (), "first_free", admin, seen=seen)
    assert monday(anas)["09:00"] == ["ana"], "a line that is not shared has its own agent"
    assert anas.post(f"{LINE}/viewings", body).get_json()["agent_id"] == "ana"


def test_line_without_agents_has_no_times(offices: Tool, database: Database, body: dict[str, Any]) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    assert monday(offices)["10:00"] == ["ana"]
    database.fetch("UPDATE agents SET is_active = FALSE")
    assert monday(offices) == {}
    refused = offices.post(f"{LINE}/viewings", body)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "refused")
    database.fetch("UPDATE agents SET is_active = TRUE WHERE agent_id = 'ben'")
    assert monday(offices) == {}, "a line whose holder is deactivated takes no calls"


def test_stale_calendars_are_read_once(
    offices: Tool, services: Services, database: Database, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    reads: list[str] = []
    monkeypatch.setattr(services.calendar_sync, "refresh", reads.append)
    database.fetch("INSERT INTO calendar_accounts (agent_id, kind, name, credentials) VALUES ('ana', 'demo', 'D', 'x')")
    database.fetch(
        """
        INSERT INTO calendars (account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings)
        SELECT account_id, 'ana', 'a', 'A', FALSE, TRUE, FALSE FROM calendar_accounts
        """
    )
    assert monday(offices)["10:00"] == ["ben"]
    assert "09:00" not in monday(offices)
    database.fetch("UPDATE agents SET is_active = FALSE WHERE agent_id = 'ben'")
    for answer in (offices.get(f"{LINE}/free-times"), offices.post(f"{LINE}/viewings", body)):
        assert (answer.status_code, answer.get_json()["code"]) == (409, "refused")
    assert reads == ["ana", "ana"]


def test_visitor_can_move_it_to_any_agent_of_the_line(offices: Tool, services: Services, body: dict[str, Any]) -> None:
    booked = offices.post(f"{LINE}/viewings", body).get_json()
    assert booked["agent_id"] == "ben"
    nine = next_monday() - timedelta(hours=1)
    assert services.visitors.move(booked["id"], nine, next_monday()).agent_id == "ana"


@pytest.fixture
def shared_rows(database: Database) -> Callable[[], int]:
    """A function that counts what lines noted."""

    def count() -> int:
        return len(database.fetch("SELECT agent_id FROM line_members WHERE last_booked_at IS NOT NULL"))

    return count


def test_refused_booking_takes_no_turn(offices: Tool, body: dict[str, Any], shared_rows: Callable[[], int]) -> None:
    offices.post(f"{LINE}/viewings", {**body, "start": (next_monday() + timedelta(hours=5)).isoformat()})
    assert shared_rows() == 0
    offices.post(f"{LINE}/viewings", body)
    assert shared_rows() == 1
