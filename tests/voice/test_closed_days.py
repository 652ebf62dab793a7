"""The phone says why a day is closed: the name of the office's closure, never the reason of an agent."""

from __future__ import annotations

from datetime import date

import pytest

from peterental.access import Viewer
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.database.pool import Database
from peterental.services import Services
from peterental.voice.speech.renderer import closure_name
from tests.voice.homes import add_home
from tests.voice.phone import ANA, ELM, Clock, Phone, book, bookings

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
MONDAY, TUESDAY, FRIDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 27)
THANKSGIVING = "The office is closed tomorrow, Monday the twenty-third, for Thanksgiving."
AWAY = "Ana Reyes is not available tomorrow, Monday the twenty-third."


def close(services: Services, name: str = "Thanksgiving", first: date = MONDAY, **more: object) -> None:
    """Close the office for a day, or as given."""
    fields = {"name": name, "first_day": first, "last_day": first} | more
    services.closures.add([ClosureEntry(**fields)], ADMIN)  # type: ignore[arg-type]


def day_off(database: Database, agent_id: str = "ana", day: date = MONDAY) -> None:
    """Add a day off for an agent, with a reason that is private."""
    database.fetch("INSERT INTO agent_days (agent_id, day, note) VALUES (%s, %s, 'Surgery')", (agent_id, day))


@pytest.mark.parametrize(
    "arguments",
    [{"date": "tomorrow"}, {"date": "Monday", "time_of_day": "afternoon"}, {"date": "tomorrow at 3 pm"}],
    ids=["day", "part", "time"],
)
def test_question_about_a_closed_day_is_answered_with_its_closure(
    phone: Phone, services: Services, arguments: dict[str, str]
) -> None:
    close(services)
    heard = phone.say("get_availability", arguments)
    assert heard.startswith(f"{THANKSGIVING} The nearest I have: Tuesday the twenty-fourth")


@pytest.mark.parametrize("start", ["tomorrow at 3 pm", "tomorrow at 3:10 pm", "tomorrow at 9 pm", "tomorrow"])
def test_booking_and_moving_to_a_closed_day_say_its_closure(
    phone: Phone, services: Services, database: Database, start: str
) -> None:
    close(services)
    assert book(phone, start).startswith(f"{THANKSGIVING} The nearest I have: Tuesday the twenty-fourth")
    assert book(phone, "Tuesday at 3 pm").startswith("You're booked")
    assert phone.say("reschedule_appointment", {"start_time": start}).startswith(THANKSGIVING)
    assert [row["status"] for row in bookings(database)] == ["confirmed"]


def test_home_of_the_catalogue_is_closed_too(phone: Phone, services: Services, database: Database) -> None:
    add_home(database, "1420 Elm Street")
    close(services)
    assert phone.say("get_availability", ELM | {"date": "tomorrow"}).startswith(THANKSGIVING)


def test_agents_reason_is_not_said(phone: Phone, database: Database) -> None:
    day_off(database)
    for heard in (
        phone.say("get_availability", {"date": "tomorrow"}),
        book(phone, "tomorrow at 3 pm"),
        book(phone, "tomorrow"),
    ):
        assert heard.startswith(f"{AWAY} The nearest I have: Tuesday the twenty-fourth")


def test_repeating_block_and_busy_calendar_are_an_absence(phone: Phone, services: Services, database: Database) -> None:
    entry = RepeatingEntry(weekdays=(1,), from_min=8 * 60, until_min=18 * 60, first_day=MONDAY, note="Chemotherapy")
    services.repeating_blocks.add("ana", entry, ADMIN)
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith(AWAY)
    database.fetch(
        "INSERT INTO agent_busy (agent_id, during, note) VALUES ('ana', '[2026-11-24 06:00Z, 2026-11-25 06:00Z)', 'x')"
    )
    assert book(phone, "Tuesday at 3 pm").startswith("Ana Reyes is not available on Tuesday the twenty-fourth.")


def test_day_that_is_only_full_is_not_closed(phone: Phone, database: Database) -> None:
    """Half of the day is blocked, and viewings take the other half: nobody is away."""
    database.fetch("INSERT INTO agent_busy (agent_id, during) VALUES ('ana', '[2026-11-23 15:00Z, 2026-11-23 20:00Z)')")
    database.fetch(
        """
        INSERT INTO appointments (agent_id, property_address, start_time, end_time, attendee_name)
        VALUES ('ana', '1 Oak', '2026-11-23 20:00Z', '2026-11-23 23:00Z', 'Max')
        """
    )
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have nothing free tomorrow")
    assert "is taken" in book(phone, "tomorrow at 3 pm")
    assert phone.say("get_availability", {"date": "Sunday"}).startswith("I have nothing free on Sunday"), "never works"


def test_closure_of_a_part_of_the_day_is_said_of_its_times(phone: Phone, services: Services) -> None:
    close(services, "Office party", from_min=12 * 60)
    assert book(phone, "tomorrow at 3 pm").startswith(
        "The office is closed tomorrow, Monday the twenty-third, at three PM, for Office party."
    )
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have tomorrow")
    assert "the latest is eleven thirty AM" in phone.say(
        "get_availability", {"date": "tomorrow", "time_of_day": "afternoon"}
    )
    assert "You're booked" in book(phone, "tomorrow at 10 am")


def test_several_closed_days_are_one_answer(phone: Phone, services: Services) -> None:
    close(services, "Winter break", first=TUESDAY, last_day=FRIDAY)
    assert phone.say("get_availability", {"date": "from Tuesday to Friday"}).startswith(
        "The office is closed from Tuesday the twenty-fourth to Friday the twenty-seventh for Winter break."
    )
    assert phone.say("get_availability", {"date": "this week"}).startswith("I have tomorrow, Monday")


def test_closures_with_different_names_and_absences_have_none(
    phone: Phone, services: Services, database: Database
) -> None:
    close(services, "Inventory")
    close(services, "Painting", first=TUESDAY)
    heard = phone.say("get_availability", {"date": "tomorrow or Tuesday"})
    assert heard.startswith("The office is closed ")
    assert "Inventory" not in heard
    day_off(database, day=date(2026, 11, 25))
    assert "Ana Reyes is not available" in phone.say("get_availability", {"date": "from Monday to Wednesday"})


def test_exempt_agent_works(phone: Phone, services: Services) -> None:
    close(services, exempt=frozenset({"ana"}))
    assert "You're booked" in book(phone, "tomorrow at 3 pm")


def test_closed_day_within_the_notice_or_beyond_the_horizon(phone: Phone, services: Services, clock: Clock) -> None:
    close(services, "New Year", first=date(2027, 1, 1))
    assert "ahead at most" in book(phone, "January 1st at 3 pm")
    clock.forward(days=1, hours=5, minutes=-10)
    close(services)
    assert book(phone, "today at 3:30 pm").startswith("Viewings have to be booked two hours ahead")


def test_shared_line_is_closed_when_all_its_agents_are(phone: Phone, services: Services, database: Database) -> None:
    services.shared_lines.share("ana", ("ana", "ben"), "first_free", ADMIN, seen=None)
    day_off(database)
    assert phone.say("get_availability", {"date": "tomorrow"}).startswith("I have tomorrow"), "Ben works"
    assert "with Ben Okoro" in book(phone, "tomorrow at 3 pm")
    assert book(phone, "tomorrow at 3 pm", property_address="9 Oak Lane").startswith("I'm sorry, tomorrow")
    day_off(database, "ben", TUESDAY)
    day_off(database, "ana", TUESDAY)
    for heard in (
        phone.say("get_availability", {"date": "Tuesday"}),
        book(phone, "Tuesday at 3 pm", property_address="9 Oak"),
    ):
        assert heard.startswith("No one is available on Tuesday the twenty-fourth.")
    close(services, "Inventory", first=FRIDAY)
    heard = phone.say("get_availability", {"date": "Friday"})
    assert heard.startswith("The office is closed on Friday the twenty-seventh for Inventory.")
    close(services, "Party", first=date(2026, 11, 25), from_min=12 * 60)
    heard = book(phone, "Wednesday at 3 pm", property_address="9 Oak")
    assert heard.startswith("The office is closed on Wednesday the twenty-fifth at three PM for Party.")


def test_spanish_sentences(phone: Phone, services: Services, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es' WHERE agent_id = 'ana'")
    close(services, "Acción de Gracias")
    day_off(database, day=TUESDAY)
    close(services, "Fiesta", first=date(2026, 11, 25), from_min=12 * 60)
    assert phone.say("get_availability", {"date": "mañana"}).startswith(
        "La oficina está cerrada mañana, lunes veintitrés, por Acción de Gracias. Lo más cercano que tengo:"
    )
    assert book(phone, "el martes a las 3 de la tarde").startswith(
        "Ana Reyes no está disponible el martes veinticuatro."
    )
    assert book(phone, "el miércoles a las 3 de la tarde").startswith(
        "La oficina está cerrada el miércoles veinticinco a las tres de la tarde por Fiesta."
    )
    services.shared_lines.share("ana", ("ben",), "first_free", ADMIN, seen=None)
    day_off(database, "ben", TUESDAY)
    assert phone.say("get_availability", {"date": "el martes"}).startswith("No hay nadie disponible el martes")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Thanksgiving", "Thanksgiving"),
        ("Independence Day (observed)", "Independence Day"),
        ("  Staff\n training. ", "Staff training"),
        ("Bell\x07 day\u202e", "Bell day"),
        ("Office closed", None),
        ("CLOSED: painting", None),
        ("Cerrado por fiesta", None),
        ("(deleted) wedding", None),
        ("x" * 300, None),
        (None, None),
    ],
)
def test_typed_name_is_cleaned_for_speech(typed: str | None, said: str | None) -> None:
    found = closure_name(typed)
    assert found == said if typed is None or len(typed) < 200 else len(found or "") <= 100


def test_question_of_a_closed_day_is_not_asked_for_a_time(phone: Phone, services: Services, database: Database) -> None:
    close(services)
    assert "At what time" not in book(phone, "tomorrow")
    assert "At what time" in book(phone, "Tuesday")
    rows = database.fetch("SELECT asked FROM tool_calls ORDER BY id")
    assert [row["asked"] for row in rows] == [None, "time-needed"]
    assert phone.assistant_id == ANA
