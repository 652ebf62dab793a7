"""The visitors' pages: what they show, that opening them changes nothing, stale forms, and links that have ended."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.appointments.manual.model import ExpectedState, ViewingEdit
from peterental.appointments.model import SlotTaken
from peterental.clock import utc_now
from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from peterental.services import Services
from peterental.web.visits.wording import ENGLISH, SPANISH, WORDINGS
from tests.web.visits.conftest import PHONE, Link

if TYPE_CHECKING:
    from tests.web.conftest import Browser

CHICAGO = ZoneInfo("America/Chicago")
TIME = re.compile(r'name="start" value="([^"]+)"')
OPEN_PATHS = ("", "/move", "/cancel", "/viewing.ics")
FORMS = ("/confirm", "/move", "/cancel", "/reinstate")


def state(database: Database) -> list[dict[str, object]]:
    rows = database.fetch(
        "SELECT start_time, status, confirmed_at IS NOT NULL AS confirmed FROM appointments ORDER BY id"
    )
    return [dict(row) for row in rows]


def words_of(response: TestResponse) -> str:
    """Return the text of a page."""
    text = re.sub(r"<(style|title).*?</\1>|<[^>]+>", " ", response.text, flags=re.DOTALL)
    return " ".join(unescape(text).split())


# --- seeing ----------------------------------------------------------------------------------------------------------


def test_visitor_sees_home_time_and_agent(stranger: Browser, link: Link) -> None:
    page = stranger.get(link.path)
    words = words_of(page)
    assert page.status_code == 200
    for fact in (
        "12 Elm Street",
        "Ana Lima",
        "(405) 555-0100",
        "America/Chicago",
        "I will come",
        "Choose another time",
    ):
        assert fact in words or fact in page.text
    for secret in ("Max", "4055550123", "max@example.com"):
        assert secret not in page.text
    assert 'href="https://www.google.com/maps/search/?api=1&amp;query=12+Elm+Street"' in page.text
    assert 'lang="en"' in page.text


def test_pages_are_not_kept_indexed_or_referred_to(stranger: Browser, link: Link) -> None:
    for path in OPEN_PATHS:
        headers = stranger.get(link.path + path).headers
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"
        assert headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in headers
    page = stranger.get(link.path)
    assert '<meta name="robots" content="noindex, nofollow">' in page.text
    assert "<script" not in page.text


def test_opening_any_page_changes_nothing(stranger: Browser, link: Link, database: Database) -> None:
    """Programs that look through messages open their links."""
    before = state(database)
    for path in (*OPEN_PATHS, "?done=cancelled", "?done=confirmed", "/move?page=2"):
        assert stranger.get(link.path + path).status_code == 200
    for path in ("/confirm", "/reinstate"):
        assert stranger.get(link.path + path).status_code == 405
    assert state(database) == before
    assert database.fetch("SELECT kind FROM appointment_events") == []


def test_office_signs_its_pages(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("UPDATE notice_settings SET office_name = 'Elm & Oak Homes'")
    for path in ("", "/move", "/cancel"):
        assert "Elm & Oak Homes" in words_of(stranger.get(link.path + path))


def test_session_of_a_user_is_not_read(office: Browser, link: Link) -> None:
    page = office.get(link.path)
    assert "Sign out" not in page.text
    assert "Cookie" not in page.headers.get("Vary", "")


def test_calendar_file_names_the_link(stranger: Browser, link: Link) -> None:
    response = stranger.get(f"{link.path}/viewing.ics")
    assert response.content_type == "text/calendar; charset=utf-8; method=PUBLISH"
    unfolded = response.text.replace("\r\n ", "")
    assert link.path in unfolded
    assert "SUMMARY:Viewing: 12 Elm Street" in unfolded


def test_spanish_agents_visitors_read_spanish(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("UPDATE agents SET language = 'es'")
    page = stranger.get(link.path)
    assert 'lang="es"' in page.text
    assert "Por favor, confirme que vendrá." in words_of(page)
    assert re.search(r"(lunes|martes|miércoles|jueves|viernes|sábado|domingo) \d+ de [a-z]+", page.text)
    for path in ("/move", "/cancel"):
        assert not re.search(
            r"\b(the|your|viewing)\b", words_of(stranger.get(link.path + path)).replace("PeteRental", "")
        )


@pytest.mark.parametrize(
    ("hour", "english", "spanish"),
    [(0, "12:05 am", "las 12:05 a. m."), (1, "1:05 am", "la 1:05 a. m."), (13, "1:05 pm", "la 1:05 p. m."),
     (14, "2:05 pm", "las 2:05 p. m.")],
)  # fmt: skip
def test_times_in_sentences_have_their_article(hour: int, english: str, spanish: str) -> None:
    moment = datetime(2026, 6, 1, hour, 5, tzinfo=CHICAGO)
    assert (ENGLISH.hour(moment, CHICAGO), SPANISH.hour(moment, CHICAGO)) == (english, spanish)


def test_tabs_are_called_by_the_office(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("UPDATE notice_settings SET office_name = 'Elm & Oak'")
    assert "<title>Your viewing · Elm &amp; Oak</title>" in stranger.get(link.path).text
    assert "<title>There is no such viewing · PeteRental</title>" in stranger.get("/v/nothing").text


def test_every_wording_has_the_same_placeholders() -> None:
    for name in ENGLISH.__dataclass_fields__:
        one, other = getattr(ENGLISH, name), getattr(SPANISH, name)
        if isinstance(one, str):
            assert sorted(re.findall(r"{(\w+)}", one)) == sorted(re.findall(r"{(\w+)}", other)), name
    assert set(ENGLISH.refusals) == set(SPANISH.refusals)
    assert len(WORDINGS) == 2


def test_refusals_without_a_sentence_of_their_own_have_one() -> None:
    assert ENGLISH.refusal(SlotTaken()) == "That time is no longer free. Choose another one."


# --- confirming and cancelling ---------------------------------------------------------------------------------------


def test_confirming_shows_that_it_was_done(stranger: Browser, link: Link, database: Database) -> None:
    page = stranger.post(f"{link.path}/confirm", seen=link.seen, follow=True)
    assert "Thank you. Your viewing is confirmed." in page.text
    assert "You confirmed that you will come." in page.text
    assert state(database)[0]["confirmed"]
    again = stranger.post(f"{link.path}/confirm", seen=link.seen, follow=True)
    assert again.status_code == 200
    assert len(database.fetch("SELECT kind FROM appointment_events")) == 1


def test_the_visitor_may_agree_to_a_follow_up(stranger: Browser, link: Link, database: Database) -> None:
    consents = (
        "SELECT channel, recipient, words_given FROM contact_consents WHERE purpose = 'follow_up' ORDER BY channel"
    )
    assert 'name="follow_up"' not in stranger.get(link.path).text
    database.fetch("UPDATE notice_settings SET follows_up_no_shows = TRUE")
    assert 'name="follow_up"' in stranger.get(link.path).text
    stranger.post(f"{link.path}/confirm", seen=link.seen)
    assert database.fetch(consents) == []
    stranger.post(f"{link.path}/confirm", seen=link.seen, follow_up="yes")
    given = [tuple(row.values()) for row in database.fetch(consents)]
    words = "If we miss each other, write to me once about another time"
    assert given == [("email", "max@example.com", words), ("text", "+14055550123", words)]


def test_cancelling_takes_a_second_click(stranger: Browser, link: Link, database: Database) -> None:
    asked = stranger.get(f"{link.path}/cancel")
    assert "Cancel your viewing?" in asked.text
    assert state(database)[0]["status"] == "confirmed"
    for _ in range(2):
        page = stranger.post(f"{link.path}/cancel", seen=link.seen, follow=True)
        assert page.status_code == 410
        assert "Your viewing is cancelled" in page.text
    assert state(database)[0]["status"] == "cancelled"
    assert len(database.fetch("SELECT kind FROM appointment_events")) == 1


@pytest.mark.parametrize("seen", ["", "x", "2026-11-23T10:00", "0001-01-01T00:00+00:00", "9999-12-31T23:59-14:00"])
@pytest.mark.parametrize("form", ["/confirm", "/cancel", "/move"])
def test_malformed_forms_change_nothing(
    stranger: Browser, link: Link, database: Database, form: str, seen: str
) -> None:
    page = stranger.post(link.path + form, seen=seen, start=link.seen, follow=True)
    assert page.status_code == 200
    assert state(database)[0] == {"start_time": link.start, "status": "confirmed", "confirmed": False}
    assert database.fetch("SELECT kind FROM appointment_events") == []


@pytest.mark.parametrize("form", ["/confirm", "/cancel", "/move"])
def test_form_of_an_old_page_shows_the_present_time(
    stranger: Browser, link: Link, database: Database, form: str
) -> None:
    database.fetch("UPDATE appointments SET start_time = start_time + '1 h', end_time = end_time + '1 h'")
    choice = (link.start + timedelta(hours=3)).isoformat()
    page = stranger.post(link.path + form, seen=link.seen, start=choice)
    assert page.status_code == 409
    assert "Nothing was changed: your viewing was changed after you opened this page." in words_of(page)
    assert f'name="seen" value="{(link.start + timedelta(hours=1)).isoformat()}"' in page.text
    assert state(database)[0] == {
        "start_time": link.start + timedelta(hours=1),
        "status": "confirmed",
        "confirmed": False,
    }


# --- moving ----------------------------------------------------------------------------------------------------------


def test_moving_to_an_offered_time(stranger: Browser, link: Link, database: Database) -> None:
    offered = TIME.findall(stranger.get(f"{link.path}/move").text)
    choice = next(time for time in offered if datetime.fromisoformat(time) > link.start)
    for _ in range(2):
        page = stranger.post(f"{link.path}/move", seen=link.seen, start=choice, follow=True)
        assert "Your viewing was moved." in page.text
    assert state(database)[0]["start_time"] == datetime.fromisoformat(choice)
    assert len(database.fetch("SELECT kind FROM appointment_events")) == 1


def test_later_days_are_on_further_pages(stranger: Browser, link: Link) -> None:
    first = stranger.get(f"{link.path}/move")
    second = stranger.get(f"{link.path}/move?page=2")
    assert "Later days" in first.text
    assert "Earlier days" not in first.text
    assert "Earlier days" in second.text
    assert max(TIME.findall(first.text)) < min(TIME.findall(second.text))
    choice = TIME.findall(second.text)[0]
    moved = stranger.post(f"{link.path}/move?page=2", seen=link.seen, start=choice, follow=True)
    assert "Your viewing was moved." in moved.text


def test_time_that_was_taken_since_is_explained(
    stranger: Browser, link: Link, database: Database, book: Callable[..., int]
) -> None:
    taken = link.start + timedelta(hours=2)
    book("ana-lima", taken, attendee_name="Other")
    page = stranger.post(f"{link.path}/move", seen=link.seen, start=taken.isoformat())
    assert page.status_code == 409
    assert "That time is no longer free. Choose another one." in page.text
    assert TIME.findall(page.text)
    assert state(database)[0]["start_time"] == link.start


def test_form_without_a_time_asks_for_one(stranger: Browser, link: Link) -> None:
    page = stranger.post(f"{link.path}/move", seen=link.seen)
    assert "Nothing was changed. Choose one of the times." in page.text


def test_agent_without_free_times(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("DELETE FROM agent_hours")
    page = stranger.get(f"{link.path}/move")
    assert "There are no free times." in page.text
    assert "Call Ana Lima: (405) 555-0100" in words_of(page)


def test_agent_who_takes_no_viewings(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("UPDATE agents SET is_active = FALSE")
    page = stranger.get(f"{link.path}/move")
    assert page.status_code == 409
    assert "Ana Lima takes no viewings at present." in words_of(page)
    choice = (link.start + timedelta(hours=2)).isoformat()
    assert stranger.post(f"{link.path}/move", seen=link.seen, start=choice).status_code == 409


def test_viewing_that_ends_while_times_are_looked_up(
    stranger: Browser, link: Link, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitors = services.visitors
    free_days = visitors.free_days

    def cancelled_meanwhile(appointment_id: int, page: int = 1) -> object:
        visitors.cancel(appointment_id)
        return free_days(appointment_id, page)

    monkeypatch.setattr(visitors, "free_days", cancelled_meanwhile)
    assert stranger.get(f"{link.path}/move").status_code == 410


# --- links that have ended -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "hours", "heading"),
    [
        ("cancelled", 48, "Your viewing is cancelled"),
        ("completed", -1, "This viewing is over"),
        ("no_show", -1, "This viewing is over"),
        ("confirmed", -1, "This viewing is over"),
    ],
)
def test_ended_link_says_so_without_details(  # noqa: PLR0917  # fixtures and one case
    stranger: Browser, link: Link, database: Database, status: str, hours: int, heading: str
) -> None:
    start = utc_now() + timedelta(hours=hours)
    database.fetch(
        "UPDATE appointments SET status = %s, start_time = %s, end_time = %s",
        (status, start, start + timedelta(minutes=30)),
    )
    for path in OPEN_PATHS:
        page = stranger.get(link.path + path)
        assert page.status_code == 410
        assert heading in page.text
        assert "12 Elm" not in page.text
        assert "tel:+14055550100" in page.text
    for form in FORMS:
        answer = stranger.post(link.path + form, seen=link.seen, start=link.seen, follow=True)
        assert answer.status_code == 410
        if form != "/cancel" or status != "cancelled":
            assert "Nothing was changed" in answer.text


def test_viewing_that_goes_on_shows_the_way(
    stranger: Browser, every_day: None, book: Callable[..., int], link_of: Callable[[int, datetime], Link]
) -> None:
    del every_day
    start = utc_now() - timedelta(minutes=5)
    link = link_of(book("ana-lima", start, caller_number=PHONE), start)
    page = stranger.get(link.path)
    assert page.status_code == 200
    assert "12 Elm Street" in page.text
    assert "<form" not in page.text
    refused = stranger.post(f"{link.path}/confirm", seen=link.seen)
    assert refused.status_code == 409
    assert "Nothing was changed: the viewing has begun" in refused.text


def test_released_viewing_can_be_taken_back(
    stranger: Browser, link: Link, services: Services, database: Database
) -> None:
    services.visitors.release(link.appointment_id, lambda _: True)
    page = stranger.get(link.path)
    assert page.status_code == 200
    assert "Nobody confirmed that you will come." in page.text
    taken_back = stranger.post(f"{link.path}/reinstate", follow=True)
    assert "Your viewing takes place." in taken_back.text
    assert state(database)[0]["confirmed"]


def test_released_viewing_whose_time_was_taken(
    stranger: Browser, link: Link, services: Services, book: Callable[..., int]
) -> None:
    services.visitors.release(link.appointment_id, lambda _: True)
    book("ana-lima", link.start, attendee_name="Other")
    page = stranger.post(f"{link.path}/reinstate")
    assert page.status_code == 409
    assert "That time is no longer free." in page.text


@pytest.mark.parametrize("token", ["x", "A" * 18, "%00" * 18, "é" * 18, "a" * 4000])
def test_unknown_tokens_are_not_found(stranger: Browser, link: Link, token: str) -> None:
    del link
    for path in OPEN_PATHS:
        page = stranger.get(f"/v/{token}{path}")
        assert page.status_code == 404
        assert "There is no such viewing" in page.text
        assert "No existe esa visita" in page.text
        assert "Sign in" not in page.text
        assert page.headers["Referrer-Policy"] == "no-referrer"
    for form in FORMS:
        assert stranger.post(f"/v/{token}{form}").status_code == 404


def test_link_of_a_deleted_viewing_is_not_found(stranger: Browser, link: Link, database: Database) -> None:
    database.fetch("DELETE FROM appointments")
    for path in OPEN_PATHS:
        assert stranger.get(link.path + path).status_code == 404
    for form in FORMS:
        assert stranger.post(link.path + form, seen=link.seen, start=link.seen).status_code == 404


@pytest.mark.usefixtures("every_day")
def test_link_ends_when_its_number_is_corrected(
    stranger: Browser, book: Callable[..., int], services: Services, admin: Viewer, start: datetime
) -> None:
    """A text went to a wrong number. Who has it must not learn where the visitor will be, or cancel the viewing."""
    wrong, right, email = "+14055550177", "+14055550178", "max@example.com"
    number = book("ana-lima", start, attendee_phone=wrong, attendee_email=email)
    by_text, by_mail, of_earlier_release, corrected = (
        f"/v/{services.visitor_links.token(number, each)}" for each in (wrong, email, "", right)
    )
    assert [stranger.get(path).status_code for path in (by_text, by_mail, of_earlier_release, corrected)] == [
        200, 200, 200, 404,
    ]  # fmt: skip
    old, _ = services.manual.show(number, admin)
    assert old.updated_at is not None
    entry = ViewingEdit(
        agent_id=old.agent_id,
        property_address=old.property_address,
        attendee_name=old.attendee_name,
        attendee_email=email,
        attendee_phone=right,
    )
    services.manual.edit(number, ExpectedState(old.updated_at, old.start, old.status), entry, admin)
    for path in (by_text, of_earlier_release):
        assert {stranger.get(path + each).status_code for each in OPEN_PATHS} == {404}
        assert {stranger.post(path + each, seen=start.isoformat()).status_code for each in FORMS} == {404}
    assert [stranger.get(path).status_code for path in (by_mail, corrected)] == [200, 200]
    assert services.manual.show(number, admin)[0].status == "confirmed"


def test_link_shows_no_other_viewing(
    stranger: Browser, link: Link, book: Callable[..., int], link_of: Callable[[int, datetime], Link]
) -> None:
    other_start = link.start + timedelta(hours=4)
    other_id = book("ana-lima", other_start, property_address="99 Secret Lane", caller_number=PHONE)
    other = link_of(other_id, link.start)
    assert "99 Secret Lane" not in stranger.get(link.path).text
    assert "99 Secret Lane" in stranger.get(other.path).text
    stranger.post(f"{link.path}/cancel", seen=link.seen)
    assert stranger.get(other.path).status_code == 200


def test_database_that_is_away_is_explained(
    stranger: Browser, link: Link, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: int) -> None:
        raise DatabaseUnavailable(reason="refused", place="nowhere", advice="wait")

    monkeypatch.setattr(services.visitors, "show", away)
    page = stranger.get(link.path)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "60"
    assert "Not available at the moment" in page.text
    assert "No disponible en este momento" in page.text


def test_large_forms_are_refused(stranger: Browser, link: Link) -> None:
    assert stranger.post(f"{link.path}/move", seen=link.seen, start="x" * 10_000).status_code == 413


# --- the agents' pages -----------------------------------------------------------------------------------------------


def test_history_names_the_visitor(office: Browser, link: Link, services: Services) -> None:
    services.visitors.confirm(link.appointment_id)
    text = words_of(office.get(f"/appointments/{link.appointment_id}"))
    assert "Confirmed by the visitor" in text
    services.visitors.cancel(link.appointment_id)
    text = words_of(office.get(f"/appointments/{link.appointment_id}"))
    assert "Cancelled by the visitor" in text


def test_history_explains_a_release(office: Browser, link: Link, services: Services) -> None:
    services.visitors.release(link.appointment_id, lambda _: True)
    text = words_of(office.get(f"/appointments/{link.appointment_id}"))
    assert "Cancelled, because it was not confirmed by PeteRental" in text


def test_colleague_may_take_over_on_a_shared_line(
    stranger: Browser, link: Link, services: Services, admin: Viewer, database: Database
) -> None:
    services.agents.create(Profile(agent_name="Ben Okoro", notice_minutes=0), admin)
    database.fetch(
        """
        INSERT INTO agent_hours (agent_id, weekday, opens_at, closes_at)
        SELECT 'ben-okoro', day, '20:00', '22:00' FROM generate_series(1, 7) AS day
        ON CONFLICT DO NOTHING
        """
    )
    assert "a colleague" not in stranger.get(f"{link.path}/move").text
    services.shared_lines.share("ana-lima", ("ana-lima", "ben-okoro"), "first_free", admin, seen=None)
    offer = stranger.get(f"{link.path}/move").text
    assert "At some of these times, a colleague of Ana Lima will meet you." in offer
    late = link.start.astimezone(ZoneInfo("America/Chicago")).replace(hour=21, minute=0)
    page = stranger.post(f"{link.path}/move", seen=link.seen, start=late.isoformat(), follow=True)
    assert "Your viewing was moved." in page.text
    assert "With Ben Okoro" in words_of(page)
