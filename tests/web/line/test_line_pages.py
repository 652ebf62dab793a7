"""The pages of lines: set up, compare, write, play a test call, paste without a key."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.clock import utc_now
from peterental.config import Config
from peterental.database.pool import Database
from peterental.services import Services
from tests.calendars.provider_server import Answer
from tests.line.vapi_server import DOWN, KEY, MUCH_TOO_MANY, SECRET, WEBHOOK, Trouble, VapiServer

if TYPE_CHECKING:
    from tests.web.conftest import Browser

PAGE = "/agents/ana-lima/line"
UNREACHABLE = "Vapi cannot be reached: it answers 503. Try again in a minute."

pytestmark = pytest.mark.usefixtures("agents")


def choice(page: str) -> dict[str, str]:
    """Return what the form suggests."""
    form = page[page.index('id="choose"') :]
    name = re.search(r'name="name"[^>]* value="([^"]*)"', form)
    greeting = re.search(r'<textarea[^>]*name="first_message"[^>]*>\s*(.*?)</textarea>', form, re.DOTALL)
    assert name
    assert greeting
    selected = {
        field: re.search(rf'name="{field}">.*?<option selected value="([^"]*)"', form, re.DOTALL)
        for field in ("assistant", "number")
    }
    return {
        "name": unescape(name[1]),
        "first_message": unescape(greeting[1]),
        **{field: unescape(found[1]) if found else "" for field, found in selected.items()},
    }


def set_up(office: Browser) -> str:
    """Set up a line for Ana as the form suggests, and return the page after it."""
    return office.send(PAGE, choice(office.get(PAGE).text), follow=True).text


def hidden(page: str) -> dict[str, str]:
    """Return the versions that the page compared."""
    return {name: unescape(value) for name, value in re.findall(r'name="(seen_\w+)" value="([^"]*)"', page)}


def test_new_agent_has_a_ringing_line_after_five_clicks(office: Browser, vapi: VapiServer) -> None:
    """Agents, Add an agent; a name; the note of the page; the form as suggested; then a test call."""
    number = vapi.add_number()
    fields = {
        "agent_name": "Carol",
        "user_id": "",
        "language": "en",
        "time_zone": "America/Chicago",
        "slot_minutes": "30",
        "step_minutes": "30",
    }
    rules = {"buffer_minutes": "0", "notice_minutes": "0", "horizon_days": "14"}
    page = office.send("/agents/new", {**fields, **rules}, follow=True).text
    assert 'No call can reach this agent yet. <a href="/agents/carol/line">Give it a line</a>' in page
    suggested = choice(office.get("/agents/carol/line").text)
    assert (suggested["assistant"], suggested["number"].split()[0]) == ("", number)
    assert suggested["first_message"].startswith("Hello, this is the automated assistant of Carol at ")
    page = office.send("/agents/carol/line", suggested, follow=True).text
    assert "The line is set up." in page
    assert '<dt>Phone number</dt><dd><a href="tel:+14055550111">(405) 555-0111</a>' in page
    assert "No call can reach this agent yet" not in page + office.get("/agents/carol").text
    assert vapi.numbers[number]["assistantId"] in vapi.assistants
    page = office.send("/agents/carol/line/test", at="/agents/carol/line").text
    assert "The viewing was booked, found and cancelled." in page


def test_stopped_set_up_shows_its_steps_and_resumes(office: Browser, vapi: VapiServer) -> None:
    vapi.add_number()
    vapi.troubles = [Trouble("PATCH /phone-number", DOWN)]
    page = set_up(office)
    assert UNREACHABLE in page
    assert 'Set-up <span class="count">3 of 4</span>' in page
    assert "No call can reach this agent yet" in page
    assert "No call can reach this agent yet" in office.get("/agents/ana-lima").text
    page = office.send(f"{PAGE}/resume", at=PAGE, follow=True).text
    assert "The line is set up." in page
    assert "No call can reach this agent yet" not in page
    assert len(vapi.assistants) == 1


def test_existing_assistant_is_compared_before_it_is_written(office: Browser, vapi: VapiServer) -> None:
    assistant = vapi.add_assistant("Reception <b>", firstMessage="Hi <i>")
    form = {**choice(office.get(PAGE).text), "assistant": assistant}
    page = office.send(PAGE, form, follow=True).text
    assert "Nothing is written yet" in page
    assert vapi.written() == []
    assert "Tool get_availability" in page
    assert "Vapi&#39;s default" in page
    assert "Hi &lt;i&gt;" in page
    assert "<b>" not in page.replace("<bdi>", "")
    page = office.send(f"{PAGE}/write", hidden(page), at=PAGE, follow=True).text
    assert "The line is set up." in page
    assert 'id="differences"' not in page
    assert vapi.assistants[assistant]["server"]["url"] == WEBHOOK


@pytest.mark.parametrize("has_number", [True, False])
def test_choice_that_vapi_has_already_is_finished_at_once(
    office: Browser, vapi: VapiServer, *, has_number: bool
) -> None:
    if has_number:
        vapi.add_number()
    set_up(office)
    (assistant,) = vapi.assistants
    written = len(vapi.written())
    form = {**choice(office.get(f"{PAGE}?choose=1").text), "assistant": assistant}
    page = office.send(PAGE, form, follow=True).text
    assert "The line is set up. Vapi had everything already." in page
    assert "not finished" not in page
    assert len(vapi.written()) == written


def test_choice_that_is_made_true_on_vapi_is_resumed(office: Browser, vapi: VapiServer) -> None:
    vapi.add_number()
    set_up(office)
    (assistant,) = vapi.assistants
    vapi.edit(assistant, serverMessages=["hang"])
    form = {**choice(office.get(f"{PAGE}?choose=1").text), "assistant": assistant}
    assert "Nothing is written yet" in office.send(PAGE, form, follow=True).text
    vapi.edit(assistant, serverMessages=["tool-calls", "end-of-call-report", "status-update"])
    page = office.send(f"{PAGE}/compare", at=PAGE, follow=True).text
    assert "not finished" in page
    page = office.send(f"{PAGE}/resume", at=PAGE, follow=True).text
    assert "The line is set up." in page
    assert "not finished" not in page


def test_foreign_edit_is_shown_and_not_overwritten(office: Browser, vapi: VapiServer) -> None:
    set_up(office)
    (assistant,) = vapi.assistants
    vapi.edit(assistant, serverMessages=["hang"])
    page = office.send(f"{PAGE}/compare", at=PAGE, follow=True).text
    assert "The line differs from its settings here. The differences are below." in page
    seen = hidden(page)
    vapi.edit(assistant, name="Renamed")
    page = office.send(f"{PAGE}/write", seen, at=PAGE, follow=True).text
    assert "The assistant was changed on Vapi after you opened this page." in page
    assert vapi.assistants[assistant]["serverMessages"] == ["hang"]
    page = office.send(f"{PAGE}/compare", at=PAGE, follow=True).text
    office.send(f"{PAGE}/write", hidden(page), at=PAGE)
    assert vapi.assistants[assistant]["serverMessages"] != ["hang"]
    page = office.send(f"{PAGE}/compare", at=PAGE, follow=True).text
    assert "The line is as it should be." not in page, "no number rings it yet"
    assert "No phone number rings this assistant." in page


def test_line_that_works_goes_on_while_it_is_changed(office: Browser, vapi: VapiServer) -> None:
    vapi.add_number()
    set_up(office)
    other = vapi.add_assistant("Reception")
    form = {**choice(office.get(f"{PAGE}?choose=1").text), "assistant": other}
    page = office.send(PAGE, form, at=f"{PAGE}?choose=1", follow=True).text
    assert "Until then calls reach it as before." in page
    assert f"Reception</bdi> <code>{other}</code>" in page
    assert "No call can reach this agent yet" not in page


def test_secrets_are_on_no_page(office: Browser, vapi: VapiServer) -> None:
    vapi.add_number()
    pages = [set_up(office)]
    (assistant,) = vapi.assistants
    vapi.edit(
        assistant, server={"url": "https://old.example.com/h?key=sesame", "headers": {"Authorization": "open sesame"}}
    )
    pages.append(office.send(f"{PAGE}/compare", at=PAGE, follow=True).text)
    pages += [office.get(path).text for path in (PAGE, f"{PAGE}?choose=1", "/line", "/audit", "/agents/ana-lima")]
    for page in pages:
        assert [secret for secret in (SECRET, KEY, "sesame") if secret in page] == []
    assert "https://old.example.com/h?…" in pages[1]


def test_trouble_of_vapi_leaves_the_page_usable(office: Browser, vapi: VapiServer) -> None:
    vapi.troubles = [Trouble("GET", MUCH_TOO_MANY)] * 2
    page = office.get(PAGE)
    assert (page.status_code, "Vapi takes no more requests for 120 seconds." in page.text) == (200, True)
    assert "Without a key: paste this on Vapi" in page.text
    assert "for 120 seconds" in office.get("/line").text
    set_up(office)
    vapi.troubles = [Trouble("GET", Answer(401))]
    assert "Vapi refused the key." in office.send(f"{PAGE}/compare", at=PAGE, follow=True).text


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "The name of an assistant needs 1 to 40 characters."),
        ({"first_message": ""}, "The greeting needs 1 to 1000 characters."),
        ({"assistant": "../x"}, "../x is not an id of Vapi"),
        ({"number": "+14055550111"}, "+14055550111 is not an id of Vapi"),
        ({"name": "x" * 41}, "At most 40 characters."),
    ],
)
def test_invalid_choice_keeps_the_entries(
    office: Browser, vapi: VapiServer, fields: dict[str, str], message: str
) -> None:
    page = office.send(PAGE, {**choice(office.get(PAGE).text), **fields})
    assert (page.status_code, message in page.text) == (400, True)
    assert vapi.written() == []


def test_assistant_of_another_agent_is_not_offered(
    office: Browser, vapi: VapiServer, services: Services, admin: Viewer
) -> None:
    bens = vapi.add_assistant("Bens")
    vapi.add_number("+14055550133", assistantId=bens)
    profile = Profile(agent_name="Ben", time_zone="Europe/Lisbon", vapi_assistant_id=bens)
    services.agents.update("ben", profile, admin)
    page = office.get(PAGE).text
    assert bens not in page
    assert "+14055550133" not in page
    form = {**choice(page), "assistant": bens}
    assert "That assistant answers for Ben." in office.send(PAGE, form).text


def test_number_of_something_else_says_what_it_rings(office: Browser, vapi: VapiServer) -> None:
    other = vapi.add_assistant("Night shift")
    vapi.add_number(assistantId=other)
    page = office.get(PAGE).text
    assert "(405) 555-0111, rings Night shift</option>" in page
    assert choice(page)["number"] == "", "a number that rings something is not suggested"


def test_owner_sees_the_line_and_changes_nothing(office: Browser, anas: Browser, vapi: VapiServer) -> None:
    assert "No call can reach this agent yet. An admin gives it a line." in anas.get(PAGE).text
    vapi.add_number()
    set_up(office)
    page = anas.get(PAGE).text
    assert "(405) 555-0111" in page
    assert "Compare with Vapi" not in page
    written = vapi.written()
    token = anas.token(PAGE)
    for path in ("", "/compare", "/write", "/resume"):
        assert anas.post(f"{PAGE}{path}", csrf_token=token, name="x", first_message="x").status_code == 403
    for path in ("/line", "/line/disconnect"):
        assert anas.get(path).status_code == 403
    assert anas.post("/line/connect", csrf_token=token, key="k").status_code == 403
    assert vapi.written() == written
    assert "The viewing was booked" in anas.send(f"{PAGE}/test", at=PAGE).text


def test_test_call_needs_an_assistant(office: Browser) -> None:
    page = office.post(f"{PAGE}/test", csrf_token=office.token(PAGE)).text
    assert "No call was played" in page


def test_test_call_without_free_times_says_so(office: Browser, database: Database) -> None:
    database.fetch("UPDATE agents SET vapi_assistant_id = 'a' WHERE agent_id = 'ana-lima'")
    database.fetch("DELETE FROM agent_hours")
    page = office.send(f"{PAGE}/test", at=PAGE).text
    assert "No time was offered, so nothing was booked." in page


def test_trouble_of_a_line_is_on_the_agents_page(office: Browser, vapi: VapiServer) -> None:
    number = vapi.add_number()
    set_up(office)
    vapi.edit(number, assistantId=None)
    office.send(f"{PAGE}/compare", at=PAGE)
    problem = "The number +14055550111 rings nothing."
    assert problem in office.get("/agents/ana-lima").text
    assert problem in office.get(PAGE).text
    assert problem in office.get("/line").text


# --- the account -----------------------------------------------------------------------------------------------------


def test_account_page_says_who_is_where(office: Browser, vapi: VapiServer) -> None:
    vapi.add_number()
    set_up(office)
    night = vapi.add_assistant("Night shift")
    vapi.add_number("+14055550122", assistantId=night)
    vapi.add_number("+14055550133")
    text = " ".join(re.sub(r"<[^>]+>", " ", office.get("/line").text).split())
    assert "(405) 555-0111 rings Ana Lima" in text
    assert "(405) 555-0122 rings Night shift" in text
    assert "(405) 555-0133 free" in text
    assert "Night shift not used by an agent, (405) 555-0122" in text
    assert "Ben No line" in text
    assert "Connected By VAPI_API_KEY . Calls are compared every 15 minutes." in text


@pytest.fixture
def unconnected(
    config: Config, make_app: Callable[[Config], Flask], browse: Callable[[Flask], Browser], admin: Viewer
) -> Browser:
    """A browser of an installation without an account."""
    browser = browse(make_app(replace(config, vapi_api_key=None)))
    browser.sign_in(admin.email)
    return browser


def test_key_is_entered_and_removed(unconnected: Browser, database: Database) -> None:
    assert unconnected.get("/line/disconnect").status_code == 303
    page = unconnected.send("/line/connect", at="/line", key=KEY, follow=True).text
    assert "The Vapi account is connected." in page
    assert KEY not in page + str(database.fetch("SELECT * FROM line_account"))
    assert "Calls go on" in unconnected.get("/line/disconnect").text
    page = unconnected.send("/line/disconnect", follow=True).text
    assert "The Vapi account was disconnected." in page
    assert 'name="key"' in page


def test_refused_key_is_not_repeated(unconnected: Browser) -> None:
    page = unconnected.send("/line/connect", at="/line", key="a-public-key")
    assert (page.status_code, "Vapi refused the key." in page.text, "a-public-key" in page.text) == (400, True, False)
    assert "Enter the private key." in unconnected.send("/line/connect", at="/line", key="").text


def test_line_is_pasted_without_a_key(unconnected: Browser, vapi: VapiServer) -> None:
    page = unescape(unconnected.get(PAGE).text)
    assert '<details class="panel setup" id="paste" open>' in page
    for text in (f'value="{WEBHOOK}"', '"name": "get_availability"', "Never invent a time", "end-of-call-report"):
        assert text in page
    assert "Connect it</a>, and a click sets up the line" in page
    assert vapi.asked == []


def test_unready_server_is_named(
    config: Config, make_app: Callable[[Config], Flask], browse: Callable[[Flask], Browser], admin: Viewer
) -> None:
    for settings, message in (
        ({"public_url": None}, "Vapi cannot reach http://127.0.0.1:8000."),
        ({"vapi_webhook_secret": None}, "VAPI_WEBHOOK_SECRET is not set."),
    ):
        browser = browse(make_app(replace(config, **settings)))  # type: ignore[arg-type]  # as listed
        browser.sign_in(admin.email)
        assert message in browser.get("/line").text
        page = browser.get(PAGE).text
        assert message in page
        assert message in browser.send(PAGE, choice(page), follow=True).text


def test_unknown_assistants_and_job_trouble_are_named(office: Browser, database: Database) -> None:
    values = (utc_now() - timedelta(hours=1),)
    database.fetch("INSERT INTO calls (vapi_call_id, assistant_id, created_at) VALUES ('1', 'x', %s)", values)
    database.fetch("UPDATE line_account SET problem = 'It was down.', reconciled_at = NOW()")
    page = office.get("/line").text
    assert "Calls came for 1 assistant or number that belongs to no agent." in page
    assert "The last background job failed: It was down." in page
    assert "Calls were last compared" in page


def test_pages_run_few_queries(office: Browser, vapi: VapiServer, queries: list[str]) -> None:
    vapi.add_number()
    set_up(office)
    for path, expected in ((PAGE, 4), ("/line", 5)):
        queries.clear()
        page = office.get(path)
        assert len(page.text.encode()) < 60_000
        assert len(queries) == 1 + expected, (path, queries)
