"""What was typed into a form is there again when the session ended before it was sent, whichever form it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest

from peterental import demo
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.web.shell.forms import FORM_EXPIRED
from peterental.webhooks.model import EndpointEntry

if TYPE_CHECKING:
    from flask import Flask

    from peterental.access import Viewer
    from peterental.database.pool import Database
    from peterental.services import Services
    from tests.web.conftest import Browser

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
TYPED = {
    "text": "Typed & kept",
    "search": "Typed & kept",
    "textarea": "Typed & kept",
    "email": "typed@example.com",
    "tel": "(405) 555-0177",
    "url": "https://typed.example.com/",
    "number": "37",
    "date": "2031-02-03",
    "time": "13:45",
    "datetime-local": "2031-02-03T13:45",
}
"""What is typed into a field of each type."""

NOT_KEPT = {
    "key": "the secret key of an account",
    "address-address": "the secret address of a calendar",
    "code": "a code of an authenticator app",
}
"""Fields that are not passed on to another page, and why."""

Entry = tuple[str, str]
"""The name and the value of a field."""


@dataclass
class Form:
    """A form of a page.

    Args:
        action: the address to which it is sent.
        shown: its fields as they are on the page.
        filled: the fields as a person might fill them in: every text typed, every box ticked, every last choice taken.
        has_text: whether it has a field into which something is typed or ticked.
    """

    action: str
    shown: set[Entry] = field(default_factory=set)
    filled: list[Entry] = field(default_factory=list)
    has_text: bool = False

    def add(self, name: str, kind: str, values: dict[str, str]) -> None:
        """Note a field of a kind, with the attributes of its element."""
        value = values.get("value", "")
        if kind in TYPED:
            self.shown.add((name, value))
            self.filled.append((name, TYPED[kind][: int(values.get("maxlength", "100"))]))
            self.has_text = True
        elif kind in {"checkbox", "radio"}:
            value = values.get("value", "on")
            if "checked" in values:
                self.shown.add((name, value))
            self.choose(name, value, is_single=kind == "radio")
        elif kind == "hidden":
            self.filled.append((name, value))

    def choose(self, name: str, value: str, *, is_single: bool) -> None:
        """Take a choice, the last of those of which there is only one."""
        if is_single:
            self.filled = [each for each in self.filled if each[0] != name]
        else:
            self.has_text = True
        self.filled.append((name, value))


class Forms(HTMLParser):
    """The forms of a page that are sent by POST."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.found: list[Form] = []
        self._form: Form | None = None
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a form or a field of it."""
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            self._form = Form(urljoin(self.path, values.get("action", self.path)))
            if values.get("method", "get").lower() == "post":
                self.found.append(self._form)
        elif self._form is None or values.keys() & {"readonly", "disabled"} or name in {"csrf_token", *NOT_KEPT}:
            return
        elif tag == "input" and name:
            self._form.add(name, values.get("type", "text"), values)
        elif tag == "textarea":
            self._form.add(name, tag, values)
            self._textarea = name
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "value" in values:
            self._form.choose(self._select, values["value"], is_single=True)
            if "selected" in values:
                self._form.shown.add((self._select, values["value"]))

    def handle_data(self, data: str) -> None:
        """Note the text of a text area."""
        if self._textarea and self._form:
            self._form.shown.add((self._textarea, data.strip()))

    def handle_endtag(self, tag: str) -> None:
        """Leave the form or its field."""
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "select":
            self._select = ""


@pytest.fixture
def pages(app: Flask, services: Services, database: Database, admin: Viewer) -> list[str]:
    """The addresses of all pages, of an office in which everything occurs that has a form."""
    demo.load_if_empty(services, database)
    today = datetime.now(UTC).date()
    lunch = RepeatingEntry(weekdays=(1,), from_min=720, until_min=780, first_day=today)
    retreat = ClosureEntry(name="Retreat", first_day=today, last_day=today + timedelta(days=1))
    webhook = EndpointEntry(url="https://hooks.invalid/x", event_types=("viewing.booked",))

    def first(query: str) -> str:
        return str(next(iter(database.fetch(query)[0].values())))

    ids = {
        "agent_id": "nora-castillo",
        "repeating_id": str(services.repeating_blocks.add("nora-castillo", lunch, admin).repeating_id),
        "closure_id": str(services.closures.add([retreat], admin)[0].closure_id),
        "endpoint_id": str(services.webhooks.create(webhook, admin).endpoint.endpoint_id),
        "appointment_id": first("SELECT id FROM appointments WHERE start_time > NOW() ORDER BY start_time LIMIT 1"),
        "message_id": first("SELECT message_id FROM messages LIMIT 1"),
        "property_id": first("SELECT property_id FROM properties LIMIT 1"),
        "user_id": str(admin.user_id),
        "vapi_call_id": "demo-nora-castillo-other-3",
        "kind": "booked",
        "channel": "email",
        "language": "en",
    }
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or set())]
    paths = [rule.rule for rule in rules if set(PARAMETER.findall(rule.rule)) <= ids.keys()]
    return sorted({PARAMETER.sub(lambda match: ids[match.group(1)], path) for path in paths} - {"/login", "/forgot"})


def forms(office: Browser, pages: list[str]) -> Iterator[tuple[str, Form]]:
    """Yield each form of the pages into which something is typed or ticked, with the page that has it."""
    seen = set()
    for path in pages:
        response = office.get(path)
        if not response.content_type.startswith("text/html") or response.status_code != 200:
            continue
        for form in parsed(path, response.text):
            if form.has_text and form.action not in seen:
                seen.add(form.action)
                yield path, form


def parsed(path: str, page: str) -> list[Form]:
    """Return the forms of a page."""
    parser = Forms(path)
    parser.feed(page)
    return parser.found


def as_sent(form: Form) -> dict[str, list[str]]:
    """Return the filled fields of a form, each with all its values."""
    return {name: [value for other, value in form.filled if other == name] for name, _ in form.filled}


def shown_after_sign_in(stranger: Browser, office: Browser, page: str, form: Form) -> str:
    """Send a form without a session; return the page to which its entries lead after the sign-in."""
    headers = {"Sec-Fetch-Site": "same-origin", "Referer": f"http://localhost{page}"}
    answer = stranger.post(form.action, as_sent(form), headers=headers)
    pending = re.search(r'name="pending_form"[^>]*value="([^"]*)"', answer.text)
    if not pending:
        return f"The entries are not on the sign-in page ({answer.status_code})."
    resumed = office.post("/login", {"pending_form": unescape(pending[1])}, headers=headers)
    (again,) = (each for each in parsed("/login", resumed.text) if each.action != "/logout")
    return office.post(again.action, as_sent(again)).text


def test_no_form_loses_its_entries_with_the_session(
    office: Browser, open_browser: Callable[[], Browser], pages: list[str]
) -> None:
    stranger, lost, tried = open_browser(), [], 0
    for page, form in forms(office, pages):
        tried += 1
        text = shown_after_sign_in(stranger, office, page, form)
        shown = {entry for each in parsed(form.action, text) for entry in each.shown}
        hidden = {name for name, _ in form.filled} - {name for name, _ in form.shown}
        if FORM_EXPIRED not in text:
            lost.append(f"{form.action}: the page does not say that nothing was saved")
        lost += [f"{form.action}: {entry}" for entry in form.filled if entry not in shown and entry[0] not in hidden]
    assert tried > 25
    assert not lost, "\n".join(lost)
