"""Pages of the calls: list, one call, transcript."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from peterental.access import Viewer
from peterental.agents.model import AgentKey, Profile
from peterental.calls.model import CallUpdate, ToolInvocation
from peterental.database.pool import Database
from peterental.messages.model import MessageDraft
from peterental.phone_numbers import readable
from peterental.services import Services
from peterental.voice.speech import render
from peterental.web.calls import labels

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from tests.web.conftest import Browser

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
ANAS, BENS = AgentKey(assistant_id="assistant-ana"), AgentKey(assistant_id="assistant-ben")
DOLORES = "+15550142100"
HOSTILE = "<script>alert(1)</script>"

Report = Callable[..., None]


@pytest.fixture
def agents(services: Services, admin: Viewer, ana: Viewer) -> None:
    """Ana's agent in Chicago, Ben in Lisbon."""
    services.agents.create(
        Profile(agent_name="Ana Lima", user_id=ana.user_id, vapi_assistant_id=ANAS.assistant_id), admin
    )
    services.agents.create(
        Profile(agent_name="Ben", time_zone="Europe/Lisbon", vapi_assistant_id=BENS.assistant_id), admin
    )


@pytest.fixture
def report(services: Services, agents: None) -> Report:
    """A function that records Vapi's report of a call."""
    del agents

    def report(vapi_call_id: str = "c1", **others: Any) -> None:
        fields = {
            "agent_key": ANAS,
            "caller_number": DOLORES,
            "status": "ended",
            "started_at": NOW - timedelta(hours=1),
            "ended_at": NOW - timedelta(hours=1) + timedelta(seconds=125),
            "ended_reason": "customer-ended-call",
            "cost": 0.0817,
            **others,
        }
        services.calls.record_update(CallUpdate(vapi_call_id=vapi_call_id, **{"is_report": True, **fields}))

    return report


def ask(services: Services, tool: str, outcome: str, *, call: str = "c1", key: AgentKey = ANAS, **more: Any) -> None:
    invocation = ToolInvocation(
        name=tool, tool_call_id=f"{tool}-1", vapi_call_id=call, agent_key=key, caller_number=DOLORES,
        arguments=more.pop("arguments", {}),
    )  # fmt: skip
    services.calls.record_tool_call_alone(invocation, answer=more.pop("answer", "A sentence."), outcome=outcome, **more)


@pytest.mark.usefixtures("agents")
def test_empty_call_list_links_to_the_tool_tester(office: Browser) -> None:
    text = office.get("/calls").text
    assert "No calls yet" in text
    assert 'href="/rehearsal"' in text


def test_list_shows_caller_duration_and_outcome(office: Browser, report: Report, services: Services) -> None:
    report()
    ask(services, "set_appointment", "booked")
    report("c2", caller_number=None, agent_key=AgentKey(assistant_id="unheard-of"), ended_reason="odd.new-reason")
    text = office.get("/calls").text
    for shown in (
        readable(DOLORES), "Ana Lima", 'title="America/Chicago"', "2 min 5 s", "$0.08", "The caller hung up", "Booked",
        'href="/calls/c1"', "Unknown number", "unknown assistant", labels.UNKNOWN_END, 'title="UTC"', "No action",
    ):  # fmt: skip
        assert shown in text, shown


def test_home_of_the_catalogue_is_shown_by_its_name(
    office: Browser, report: Report, database: Database, book: Callable[..., int]
) -> None:
    """What the caller said is on the call's own page only, and only if it differs."""
    report()
    (home,) = database.fetch(
        "INSERT INTO properties (line1, unit) VALUES ('1420 Elm Street', '2B') RETURNING property_id"
    )
    said = {"property_address": "fourteen twenty elm", "property_id": home["property_id"]}
    book("ana-lima", NOW + timedelta(days=1), vapi_call_id="c1", **said)
    listed = office.get("/calls").text
    assert "<bdi>1420 Elm Street, Unit 2B</bdi>" in listed
    assert "fourteen twenty" not in listed
    page = office.get("/calls/c1").text
    assert "<bdi>1420 Elm Street, Unit 2B</bdi>" in page
    assert "The caller said: <bdi>fourteen twenty elm</bdi>" in page
    database.fetch("UPDATE appointments SET property_address = '1420 Elm Street, Unit 2B'")
    assert "The caller said" not in office.get("/calls/c1").text
    database.fetch("UPDATE appointments SET property_id = NULL, property_address = '9 Birch Lane'")
    assert "<bdi>9 Birch Lane</bdi>" in office.get("/calls").text


def test_live_call_is_listed(office: Browser, services: Services, report: Report) -> None:
    del report
    ask(services, "get_availability", "answered", call="live")
    text = office.get("/calls").text
    assert 'href="/calls/live"' in text
    assert "In progress" in text
    page = office.get("/calls/live").text
    assert "The transcript arrives after the call has ended." in page
    assert "Asked for free times" in page


def test_flags_are_shown_and_filtered(office: Browser, report: Report, services: Services) -> None:
    report()
    ask(services, "set_appointment", "refused")
    report("c2")
    ask(services, "get_availability", "fault", call="c2")
    report("c3")
    unbooked = office.get("/calls?flag=unbooked").text
    assert 'href="/calls/c1"' in unbooked
    assert "chip-unbooked" in unbooked
    assert 'href="/calls/c2"' not in unbooked
    fault = office.get("/calls?flag=fault").text
    assert 'href="/calls/c2"' in fault
    assert 'href="/calls/c1"' not in fault
    assert "agreed to a viewing" in office.get("/calls/c1").text
    assert "PeteRental had an internal error." in office.get("/calls/c2").text
    assert "No call with this problem is open." in office.get("/calls?flag=unbooked&q=unknown").text
    assert "No call was marked as handled." in office.get("/calls?flag=handled").text
    assert "Try fewer digits" in office.get("/calls?q=unknown").text


def test_filter_stays_while_paging(office: Browser, report: Report) -> None:
    for number in range(26):
        report(f"c{number}")
    text = office.get("/calls?agent=ana-lima&from=2020-01-01").text
    assert 'value="ana-lima" selected' in text
    assert 'value="2020-01-01"' in text
    assert 'href="/calls?page=2&amp;agent=ana-lima&amp;from=2020-01-01"' in text
    assert "This page is empty" in office.get("/calls?page=3").text


def test_days_are_in_the_agents_zone(office: Browser, report: Report) -> None:
    late = datetime(2026, 11, 21, 5, 30, tzinfo=UTC)  # still the 20th in Chicago, the 21st in Lisbon
    report("anas", started_at=late)
    report("bens", started_at=late, agent_key=BENS)
    assert 'href="/calls/anas"' in office.get("/calls?agent=ana-lima&from=2026-11-20&to=2026-11-20").text
    assert 'href="/calls/anas"' not in office.get("/calls?agent=ana-lima&from=2026-11-21").text
    assert 'href="/calls/bens"' in office.get("/calls?agent=ben&from=2026-11-21&to=2026-11-21").text
    assert 'href="/calls/bens"' in office.get("/calls?to=9999-12-31&from=0001-01-01").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("agent=unknown-agent", "There is no agent “"),
        ("flag=odd", "There is no problem “odd”"),
        ("from=2026-13-45", "“2026-13-45” is not a valid date"),
        ("to=tomorrow", "“tomorrow” is not a valid date"),
        ("from=2020-02-02&to=2020-02-01", "Sat, Feb 1, 2020, is before the first day, Sun, Feb 2, 2020"),
    ],
)
def test_invalid_filter_is_ignored_with_warning(office: Browser, report: Report, query: str, expected: str) -> None:
    report()
    text = office.get(f"/calls?{query}&page=-3").text
    assert expected in text
    assert 'href="/calls/c1"' in text


def test_user_sees_own_calls_only(anas: Browser, report: Report) -> None:
    report()
    report("bens", agent_key=BENS)
    report("unassigned", agent_key=AgentKey())
    text = anas.get("/calls").text
    assert 'href="/calls/c1"' in text
    for hidden in ("bens", "unassigned"):
        assert f'href="/calls/{hidden}"' not in text
        assert anas.get(f"/calls/{hidden}").status_code == 404
        assert anas.get(f"/calls/{hidden}/transcript").status_code == 404
    assert "Unknown assistant" not in text
    assert "There is no agent “" in anas.get("/calls?agent=ben").text
    assert 'href="/calls/unassigned"' not in anas.get("/calls?agent=(nobody)").text


def test_admin_finds_unassigned_calls(office: Browser, report: Report) -> None:
    report()
    report("unassigned", agent_key=AgentKey(assistant_id="unheard-of", phone_number_id="unheard-too"))
    text = office.get("/calls?agent=(nobody)").text
    assert 'href="/calls/unassigned"' in text
    assert 'href="/calls/c1"' not in text
    page = office.get("/calls/unassigned").text
    for shown in ("none for this assistant", "unheard-of", "unheard-too"):
        assert shown in page


def test_call_page_shows_every_detail(
    office: Browser, report: Report, services: Services, book: Callable[..., int]
) -> None:
    number = book("ana-lima", NOW + timedelta(days=1), vapi_call_id="c1", vapi_tool_call_id="set_appointment-1")
    report(
        summary="Dolores booked.\nShe was glad.",
        transcript="AI: Hello\nUser: Hi",
        messages=json.dumps([{"role": "bot", "message": "Hello there", "secondsFromStart": 3}]),
        success_evaluation="True",
        structured_data='{"pets": 2, "names": ["Rex"], "smokes": false, "moves_in": "2026-12-01", "lease": null}',
        recording_url="https://recordings.example.net/1.wav",
    )
    arguments = {"start_time": "tomorrow 3 pm", "date": "2026-11-30T09:30", "heard_at": "2026-11-30T09:30:00-06:00"}
    ask(services, "set_appointment", "booked", answer="You're booked.", arguments=arguments)
    text = office.get("/calls/c1").text
    for shown in (
        "She was glad.", "Hello there", "0:03", "Asked to book", "<dt>Time</dt>", "tomorrow 3 pm",
        "<bdi>Mon, Nov 30, 2026, 9:30 am</bdi>", "<bdi>Mon, Nov 30, 2026, 9:30 am CST</bdi>", "Tue, Dec 1, 2026", "You&#39;re booked.",
        "answered in", f'href="/appointments/{number}"', 'href="https://recordings.example.net/1.wav"', "expires",
        "<bdi>The call was</bdi></dt><dd><bdi>successful</bdi>", "<bdi>smokes</bdi></dt><dd><bdi>no</bdi>",
        "<bdi>lease</bdi></dt><dd><bdi>nothing</bdi>", "pets", "[&#34;Rex&#34;]", "The caller hung up", f'href="tel:{DOLORES}"', "12 Elm Street",
    ):  # fmt: skip
        assert shown in text, shown
    plain = office.get("/calls/c1/transcript")
    assert plain.content_type == "text/plain; charset=utf-8"
    assert plain.text == "Assistant: Hello there\n"
    assert "customer-ended-call" not in text


def test_every_recording_is_linked_once(office: Browser, report: Report) -> None:
    host = "https://recordings.example.net"
    fields = {
        "recordingUrl": f"{host}/mono", "stereoRecordingUrl": f"{host}/stereo", "recording.stereoUrl": f"{host}/stereo",
        "recording.mono.customerUrl": f"{host}/c", "presignedUrl": f"{host}/p", "videoRecordingUrl": "javascript:1",
        "recording.url": f"{host}/{'x' * 9_000}",
    }  # fmt: skip
    report(recording_url=f"{host}/mono", recordings=json.dumps(fields))
    text = office.get("/calls/c1").text
    links = [
        ("/mono", "Play the recording"), ("/stereo", "Recording: both sides in stereo"),
        ("/c", "Recording: the caller only"), ("/p", "Another recording"),
    ]  # fmt: skip
    for path, label in links:
        assert text.count(f'href="{host}{path}" rel="noreferrer noopener">{label}<') == 1, label
    assert text.count(f'href="{host}') == len(links)
    assert "The links expire" in text
    assert "javascript:" not in text


def test_structured_outputs_are_shown_by_field(office: Browser, report: Report) -> None:
    outputs = {"Call Summary": "She asked for Elm.", "Viewing": {"agreed_on": "2026-12-01"}, "Budget": 1500}
    report(summary="She asked for Elm.", structured_data=json.dumps(outputs))
    text = office.get("/calls/c1").text
    assert "<bdi>Viewing: agreed on</bdi></dt><dd><bdi>Tue, Dec 1, 2026</bdi>" in text
    assert "<bdi>Budget</bdi></dt><dd><bdi>1500</bdi>" in text
    assert text.count("She asked for Elm.") == 1


def test_other_structured_data_is_shown(office: Browser, report: Report) -> None:
    report(structured_data='["two cats"]')
    assert "<bdi>Structured data</bdi></dt><dd><bdi>[&#34;two cats&#34;]</bdi>" in office.get("/calls/c1").text


def test_chat_is_marked(office: Browser, report: Report) -> None:
    report("chat-1", kind="chat", status="in-progress", is_report=False, caller_number=None, ended_at=None)
    for page in ("/calls", "/calls/chat-1"):
        text = office.get(page).text
        assert ">Chat</span>" in text
        assert "Unknown visitor" in text
        assert "No end is reported for chats" in text
    assert "Chat id" in text
    assert "Vapi sends none for a chat" in text
    report()
    assert "Chat" not in office.get("/calls/c1").text


def test_caller_text_is_escaped(office: Browser, report: Report, services: Services) -> None:
    report(
        summary=HOSTILE,
        messages=json.dumps([{"role": "user", "message": HOSTILE}, {"role": "bot", "message": "שלום " + HOSTILE}]),
        structured_data=json.dumps({HOSTILE: HOSTILE}),
        recording_url="javascript:alert(1)",
        ended_reason=HOSTILE,
    )
    ask(services, HOSTILE, "unknown tool", answer=HOSTILE, arguments={HOSTILE: HOSTILE, "deep": {"a": [HOSTILE]}})
    text = office.get("/calls/c1").text
    assert "<script" not in text
    assert "javascript:" not in text
    assert 'dir="auto">שלום' in text
    assert "<script" not in office.get("/calls").text
    assert office.get("/calls/c1/transcript").headers["X-Content-Type-Options"] == "nosniff"


def test_invalid_number_is_not_a_link(office: Browser, report: Report, services: Services) -> None:
    """SIP callers choose their caller id."""
    report(caller_number="\u202e;postd=900#")
    ask(services, "set_appointment", "refused")
    text = office.get("/calls/c1").text
    assert "The caller agreed to a viewing" in text
    assert text.count("<bdi>\u202e;postd=900#</bdi>") == 2
    assert "tel:" not in text
    assert "<bdi>\u202e;postd=900#</bdi>" in office.get("/calls").text


def test_long_call_stays_below_60_kb(office: Browser, report: Report, services: Services) -> None:
    expected = [{"role": ("bot", "user")[n % 2], "message": f"{n} <é & long " * 40} for n in range(400)]
    report(
        summary="🏠" * 9000,
        messages=json.dumps(expected),
        structured_data=json.dumps({f"k{n}": "<" * 900 for n in range(90)}),
    )
    for number in range(60):
        arguments = {f"argument-{n}": "<&>" * 500 for n in range(30)}
        ask(services, f"tool-{number}", "refused", answer="<" * 5000, arguments=arguments)
    page = office.get("/calls/c1")
    assert len(page.data) < 60_000
    assert "Whole transcript" in page.text
    assert "more tool calls" in page.text
    assert "399 <é" in office.get("/calls/c1/transcript").text


def test_call_without_report_shows_missing_data(office: Browser, report: Report) -> None:
    report(ended_reason=None, cost=None, ended_at=None)
    text = office.get("/calls/c1").text
    for shown in ("There is no transcript", "not reported", "time not reported", "The assistant used no tool"):
        assert shown in text
    assert "Recording" not in text


@pytest.mark.parametrize(
    "vapi_call_id",
    ["a/b", "a%2Fb", "a%252Fb", "a?b#c", "a b+c", '"&lt;>', "a&amp;b=c;d", "javascript:alert(1)", "é\u202e\\n"],
)
def test_links_lead_to_the_call_whatever_its_id(office: Browser, report: Report, vapi_call_id: str) -> None:
    """What is escaped in a link is decoded once: another id that looks alike names no call."""
    report(vapi_call_id, transcript="AI: Hello")
    (link,) = re.findall(r'class="row-link" href="([^"]+)"', office.get("/calls").text)
    (transcript,) = re.findall(r'href="([^"]+/transcript)"', office.get(unescape(link)).text)
    assert office.get(unescape(transcript)).text == "Assistant: Hello\n"
    assert office.get("/calls/nothing").status_code == 404
    assert office.get(unescape(link).replace("%25", "%")).status_code == (404 if "%" in vapi_call_id else 200)


def test_call_shows_what_was_understood(office: Browser, report: Report, services: Services) -> None:
    report()
    ask(services, "set_appointment", "refused", arguments={"start_time": f"tomorrow {HOSTILE}"}, asked="confirm-day")
    ask(services, "cancel_appointment", "refused")
    text = office.get("/calls/c1").text
    assert text.count("<summary>What we understood</summary>") == 1
    assert "because   " in text
    assert "decision  " in text
    assert HOSTILE not in text


def test_number_given_is_written_as_people_do(office: Browser, report: Report, services: Services) -> None:
    report()
    ask(services, "take_message", "message", arguments={"attendee_phone": "+14055550123", "message": "Call me"})
    ask(services, "set_appointment", "refused", arguments={"attendee_phone": "my own", "attendee_name": "+14055550199"})
    text = office.get("/calls/c1").text
    assert "<dt>Phone number given</dt><dd><bdi>(405) 555-0123</bdi></dd>" in text
    assert "<dt>Phone number given</dt><dd><bdi>my own</bdi></dd>" in text
    assert "<bdi>+14055550199</bdi>" in text, "a name stays as it is"
    assert text.count("+14055550123") == 1, "as received"


def test_call_pages_run_few_queries(office: Browser, report: Report, services: Services, queries: list[str]) -> None:
    for number in range(30):
        report(f"c{number}", transcript="AI: Hello " * 1000)
    ask(services, "get_availability", "answered")
    # The sign-in check and two; a call with tool calls also reads the rules of its agent.
    for path, expected in (
        ("/calls", 3),
        ("/calls?flag=fault&q=0142&agent=ana-lima", 3),
        ("/calls/c2", 3),
        ("/calls/c1", 4),
    ):
        queries.clear()
        page = office.get(path)
        assert len(queries) == expected, path
        assert len(page.data) < 60_000


def test_long_names_keep_the_list_below_60_kb(
    office: Browser, report: Report, book: Callable[..., int], database: Database
) -> None:
    for number in range(25):
        report(f"c{number}")
        start = NOW + timedelta(days=number)
        book("ana-lima", start, vapi_call_id=f"c{number}", attendee_name="🏠" * 255, property_address="é <b> " * 80)
    database.fetch("UPDATE agents SET agent_name = repeat('é', 255)")
    page = office.get("/calls")
    assert len(page.data) < 60_000
    assert "<b>" not in page.text


def test_call_shows_the_message_left_in_it(office: Browser, report: Report, services: Services) -> None:
    report()
    invocation = ToolInvocation(name="take_message", tool_call_id="t", vapi_call_id="c1", agent_key=ANAS)
    services.calls.take_message(invocation, MessageDraft(body="Are cats fine?"), render)
    assert "Message taken" in office.get("/calls").text
    assert "Left a message" in office.get("/calls/c1").text


def test_chosen_agent_is_always_an_option(office: Browser, report: Report, database: Database) -> None:
    report()
    database.fetch(
        """
        INSERT INTO agents (agent_id, agent_name)
        SELECT 'a-' || n, repeat('aé', 100) || n FROM generate_series(1, 150) AS n
        """
    )
    database.fetch("UPDATE agents SET agent_name = 'zz last' WHERE agent_id = 'ana-lima'")
    page = office.get("/calls")
    assert 'value="ana-lima"' not in page.text
    assert len(page.data) < 60_000
    assert 'href="/calls/c1"' in office.get("/calls?agent=ana-lima").text
    assert 'value="ana-lima" selected' in office.get("/messages?agent=ana-lima").text
    assert '<option selected value="ana-lima">' in office.get("/rehearsal?agent=ana-lima").text


def test_arguments_have_labels_and_raw_values(office: Browser, report: Report, services: Services) -> None:
    report()
    arguments = {"attendee_name": "Dolores", "start_time": "tomorrow 3 pm", "pet_policy": "cats"}
    ask(services, "set_appointment", "refused", arguments=arguments)
    text = office.get("/calls/c1").text
    for shown in (
        "<dt>Name</dt>",
        "<dt>Time</dt>",
        "<dt>pet_policy</dt>",
        "&#34;attendee_name&#34;: &#34;Dolores&#34;",
    ):
        assert shown in text, shown


def handle(browser: Browser, call_id: str, what: str = "handled", **fields: str) -> TestResponse:
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get(f"/calls/{call_id}").text)
    assert token
    return browser.post(f"/calls/{call_id}/{what}", {"csrf_token": token[1], **fields})


def test_fault_is_explained_and_handled(
    office: Browser, report: Report, services: Services, database: Database
) -> None:
    report()
    ask(services, "get_availability", "fault")
    database.fetch("UPDATE tool_calls SET fault = 'DatabaseTooSlow'")
    assert "1 to check</a>" in office.get("/calls").text
    page = office.get("/calls/c1").text
    assert page.count("The database took too long to answer.") == 2, "at the top, and at the tool call"
    assert "DatabaseTooSlow" not in page
    assert "Call back" in page
    assert handle(office, "c1", note="x" * 501).status_code == 400
    assert handle(office, "c1", note="Called <b>back</b>").status_code == 303
    shown = office.get("/calls/c1").text
    assert "office@example.com" in shown
    assert "Called &lt;b&gt;back&lt;/b&gt;" in shown
    assert "to check</a>" not in office.get("/calls").text
    assert "chip-done" in office.get("/calls?flag=handled").text
    assert 'href="/calls/c1"' not in office.get("/calls?flag=any").text
    assert handle(office, "c1", "open").status_code == 303
    assert 'href="/calls/c1"' in office.get("/calls?flag=any").text


def test_only_own_calls_are_handled(anas: Browser, report: Report) -> None:
    report()
    report("bens", agent_key=BENS)
    token = {"csrf_token": "x"}
    assert anas.post("/calls/bens/handled", token).status_code in {400, 404}
    assert anas.post("/calls/bens/open", token).status_code in {400, 404}


def test_unknown_tool_has_words(office: Browser, report: Report, services: Services) -> None:
    report()
    ask(services, "made_up_by_the_model", "unknown tool")
    page = office.get("/calls/c1").text
    assert labels.UNKNOWN_TOOL in page
    assert "made_up_by_the_model" not in page


def test_month_links_keep_the_filter(office: Browser, report: Report) -> None:
    report()
    page = office.get("/calls?agent=ana-lima").text
    assert re.search(r'href="/calls\?agent=ana-lima&amp;from=\d{4}-\d\d-01&amp;to=\d{4}-\d\d-\d\d">Last month', page)
    assert "Next month" not in page
