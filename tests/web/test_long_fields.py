"""A field of 20 KB of anything costs little CPU, in every form, query parameter and header, and on the phone.

The time is the CPU time of this thread, above that of the same request with a short value. Requests are handled in this
thread, and PostgreSQL has processes of its own. A text that takes quadratic time at this size costs much more.
"""

from __future__ import annotations

import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.agents.working_hours.parser import parse_windows
from peterental.appointments.date_parsing.context import Context
from peterental.appointments.date_parsing.parser import read_change, read_search, read_start
from peterental.appointments.date_parsing.tokens import tokenize
from peterental.errors import Refusal
from peterental.matching.candidates import candidates
from peterental.matching.comparison import compare_texts
from peterental.matching.names import names_match
from peterental.matching.placeholders import is_placeholder_home, is_placeholder_name
from peterental.phone_numbers import dialable, means_caller_number, network_number, normalise
from peterental.services import Services
from peterental.users.passwords import encode_new_password, normalized_bytes
from peterental.voice.lenient_json import decode_leniently
from peterental.voice.sanitize import json_safe, parse_timestamp, single_line
from peterental.voice.tool_registry import TOOLS

if TYPE_CHECKING:
    from tests.web.conftest import Browser

pytestmark = pytest.mark.untraced

CHARS = 20_000
MOST_CPU_S = 0.1
ATTEMPTS = 4

LONG = {
    "blanks": "9" + " " * CHARS + "x",
    "digits": "7" * CHARS,
    "letters": "a" * CHARS,
    "e-mail": "a@" + "." * CHARS + "@",
    "brackets": "[" * (CHARS // 2) + "]" * (CHARS // 2),
    "parentheses": "(" * CHARS,
    "commas": "1," * (CHARS // 2),
    "interval": "t" * (CHARS // 2) + "-" * (CHARS // 2),
    "other digits": "\u0663" * CHARS,
    "combining marks": "a" + "\u0315\u0300" * (CHARS // 2),
    "ligature": "\ufdfa" * CHARS,
    "words": "one and " * (CHARS // 8),
    "backslashes": "\\" * CHARS,
    "quotes": '"' * CHARS,
    "lines": "x\n" * (CHARS // 2),
}

KINDS_OF_FORMS = ("blanks", "e-mail", "interval", "combining marks")

FORM = re.compile(r"<form[^>]*>.*?</form>", re.DOTALL)
FIELD = re.compile(r'<(?:input|select|textarea)\b[^>]*?\bname="([^"]+)"')
"""Without the buttons: some of them do not send the form."""

PATHS = (
    "/rehearsal?tool=get_availability&agent=ana-lima", "/rehearsal?tool=set_appointment", "/rehearsal?tool=take_message",
    "/account", "/agents/new", "/appointments/new", "/users/invite", "/agents/ana-lima/edit", "/agents/ana-lima/hours",
    "/agents/ana-lima/calendars",
)  # fmt: skip
PARAMETERS = {
    "/agents": ("q",), "/appointments": ("q", "from", "status", "sort", "page"), "/calls": ("q", "flag"), "/messages": ("q",),
    "/users": ("q",), "/audit": ("kind", "id", "actor"), "/agents/ana-lima": ("on", "at"), "/agents/ana-lima/week": ("from",),
    "/rehearsal": ("tool", "agent"), "/oauth/google": ("state", "code", "error"), "/agents/ana-lima/calendars": ("reconnect",),
    "/login": ("next",), "/setup": ("token",), "/join": ("token",),
}  # fmt: skip
HEADERS = (
    "ACCEPT", "ACCEPT_LANGUAGE", "AUTHORIZATION", "COOKIE", "FORWARDED", "HOST", "IF_MODIFIED_SINCE", "IF_NONE_MATCH", "RANGE",
    "REFERER", "SEC_FETCH_SITE", "USER_AGENT", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_SIGNATURE", "X_TIMESTAMP", "X_VAPI_SECRET",
)  # fmt: skip

CONTEXT = Context(now=datetime(2026, 11, 22, 15, tzinfo=UTC), zone=ZoneInfo("America/Chicago"))
FUNCTIONS: dict[str, Callable[[str], object]] = {
    "a start time": lambda text: read_start(text, CONTEXT),
    "a change": lambda text: read_change(text, CONTEXT),
    "a search": lambda text: read_search(text, text, CONTEXT),
    "tokens": tokenize,
    "two addresses": lambda text: compare_texts(text, text),
    "an address among others": lambda text: candidates(text, [f"{number} Elm Street" for number in range(20)]),
    "two names": lambda text: names_match(text, text),
    "a placeholder for a home": is_placeholder_home,
    "a placeholder for a name": is_placeholder_name,
    "a phone number": normalise,
    "a number to call": dialable,
    "a caller's number": network_number,
    "this number": means_caller_number,
    "a line": single_line,
    "a timestamp": parse_timestamp,
    "stored JSON": json_safe,
    "malformed JSON": lambda text: decode_leniently(text.encode()),
    "JSON with a text": lambda text: decode_leniently(json.dumps({"a": text, "b": [text]}).encode() + b" "),
    "working hours": parse_windows,
    "a new password": encode_new_password,
    "a password": normalized_bytes,
}
"""What reads text from outside, called without the caps of the forms and of the webhook."""


def cpu_s(ask: Callable[[], object]) -> float:
    """Return the CPU time of this thread."""
    began = time.thread_time()
    ask()
    return time.thread_time() - began


def least_cpu_s(ask: Callable[[], object], enough_s: float) -> float:
    """Return the least CPU time of some attempts, which end as soon as one takes no longer than `enough_s`."""
    least = cpu_s(ask)
    for _ in range(ATTEMPTS):
        if least <= enough_s:
            break
        least = min(least, cpu_s(ask))
    return least


def too_slow(asks: dict[str, Callable[[str], object]], kinds: Iterable[str]) -> dict[str, float]:
    """Return what costs too much, with the kind of text, in seconds above the cost of a short text."""
    found = {}
    for name, ask in asks.items():
        usual_s = cpu_s(partial(ask, "x"))
        for kind in kinds:
            extra_s = least_cpu_s(partial(ask, LONG[kind]), MOST_CPU_S / 2) - usual_s
            if extra_s >= MOST_CPU_S:
                found[f"{name}: {kind}"] = extra_s
    return found


@pytest.fixture
def agent(services: Services, admin: Viewer) -> None:
    """Ana's agent."""
    services.agents.create(Profile(agent_name="Ana Lima", vapi_assistant_id="assistant-ana"), admin)


@pytest.mark.parametrize("kind", LONG)
def test_reading_a_long_text_is_cheap(kind: str) -> None:
    def read(function: Callable[[str], object]) -> Callable[[str], object]:
        def call(text: str) -> None:
            with suppress(Refusal, ValueError):
                function(text)

        return call

    assert too_slow({name: read(function) for name, function in FUNCTIONS.items()}, [kind]) == {}


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no address of a calendar be looked up outside this machine."""

    def fail(*args: object, **kwargs: object) -> None:
        del args, kwargs
        raise socket.gaierror(socket.EAI_NONAME, "no names in tests")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


@pytest.mark.usefixtures("agent", "no_names")
def test_fields_of_forms_are_cheap(office: Browser) -> None:
    token = office.token("/account")
    asks: dict[str, Callable[[str], object]] = {}
    for path in PATHS:
        for form in FORM.findall(office.get(path).text):
            action = re.search(r'action="([^"]*)"', form.partition(">")[0])
            target = unescape(action.group(1)) if action and action.group(1) else path
            if 'method="post"' not in form.lower() or "out" in target:
                continue
            filled = dict.fromkeys(FIELD.findall(form), "1") | {"csrf_token": token}
            for name in filled:

                def send(text: str, target: str = target, name: str = name, filled: dict[str, str] = filled) -> object:
                    return office.post(target, {**filled, name: text})

                asks[f"{target} {name}"] = send
    assert "/agents/ana-lima/calendars/address address-address" in asks
    assert {"/account new", "/agents/ana-lima/hours monday", "/appointments/new attendee_email"} <= asks.keys()
    assert too_slow(asks, KINDS_OF_FORMS) == {}


@pytest.mark.usefixtures("agent")
def test_query_parameters_are_cheap(office: Browser) -> None:
    encoded = {text: quote(text) for text in ("x", *LONG.values())}

    def asker(path: str, parameter: str) -> Callable[[str], object]:
        def ask(text: str) -> object:
            return office.get(path, environ={"QUERY_STRING": f"{parameter}={encoded[text]}"})

        return ask

    asks = {f"{path}?{name}": asker(path, name) for path, names in PARAMETERS.items() for name in names}
    assert too_slow(asks, ("blanks", "digits")) == {}


@pytest.mark.usefixtures("agent")
def test_headers_are_cheap(app: Flask) -> None:
    client = app.test_client(use_cookies=False)

    def asker(path: str, method: str, header: str) -> Callable[[str], object]:
        def ask(text: str) -> object:
            value = text.replace("\n", " ").encode().decode("latin-1")
            return client.open(path, method=method, environ_overrides={f"HTTP_{header}": value})

        return ask

    asks = {
        f"{method} {path} {header}": asker(path, method, header)
        for method, path in (("GET", "/agents"), ("POST", "/login"), ("POST", "/vapi/webhook"))
        for header in HEADERS
    }
    assert too_slow(asks, ("e-mail", "commas", "combining marks", "quotes")) == {}


@pytest.mark.usefixtures("agent")
def test_arguments_of_tool_calls_are_cheap(app: Flask) -> None:
    client = app.test_client(use_cookies=False)
    usual = {"property_address": "12 Elm Street", "start_time": "2030-11-25T10:00", "attendee_name": "Pat Sample"}

    def asker(tool: str, argument: str) -> Callable[[str], object]:
        def ask(text: str) -> object:
            function = {"name": tool, "arguments": {**usual, argument: text}}
            call = {"id": "c1", "assistantId": "assistant-ana", "customer": {"number": "+14055550100"}}
            message = {
                "type": "tool-calls",
                "call": call,
                "toolCallList": [{"id": secrets.token_hex(8), "function": function}],
            }
            response = client.post("/vapi/webhook", json={"message": message})
            assert response.status_code == 200
            return response

        return ask

    asks = {f"{tool.name} {spec.name}": asker(tool.name, spec.name) for tool in TOOLS for spec in tool.arguments}
    assert len(asks) > 15
    assert too_slow(asks, KINDS_OF_FORMS) == {}


@pytest.mark.usefixtures("agent")
def test_other_texts_of_messages_are_cheap(app: Flask) -> None:
    client = app.test_client(use_cookies=False)

    def ask(text: str) -> object:
        customer = {"number": text, "sipUri": text}
        call = {"id": text, "assistantId": text, "phoneNumberId": text, "customer": customer}
        function = {"name": text, "arguments": text}
        history = [{"role": "user", "message": text}] * 3
        message = {
            "type": "tool-calls",
            "call": call,
            "toolCallList": [{"id": text, "function": function}],
            "artifact": {"messages": history},
            "timestamp": text,
        }
        response = client.post("/vapi/webhook", json={"message": message})
        assert response.status_code == 200
        return response

    assert too_slow({"message": ask}, LONG) == {}
