"""The audit log: actors, values before and after, and filters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.access import ToolToken, Viewer
from peterental.agents.model import Profile
from peterental.audit.model import COMMAND_LINE, Change, SubjectKind
from peterental.audit.service import PAGE_SIZE
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.tokens.model import NewToken
from peterental.web.audit.field_labels import LABELS, labelled_fields, subject_label
from peterental.web.audit.pages import subject_url

if TYPE_CHECKING:
    from tests.web.conftest import Browser


@pytest.fixture
def record(database: Database, services: Services) -> Callable[..., None]:
    """A function that adds an entry to the log."""

    def record(
        actor: Viewer | str = "office@example.com", kind: SubjectKind = "agent", subject: str = "x", **fields: object
    ) -> None:
        change = Change(
            action="edited", subject_kind=kind, subject_id=subject, subject_name=f"<i>{subject}</i>", after=fields
        )
        with database.transaction() as connection:
            services.audit.record(connection, actor, change)

    return record


def test_entry_shows_actor_and_values(
    office: Browser, ana: Viewer, admin: Viewer, services: Services, queries: list[str]
) -> None:
    services.user_admin.set_role(ana.user_id, "admin", admin)
    queries.clear()
    text = " ".join(office.get("/audit").text.split())
    assert len(queries) == 3  # the sign-in check, the entries, the users of the filter
    assert "<strong>Role changed</strong>" in text
    assert f'href="/users/{ana.user_id}"' in text
    assert "<dt>Role</dt><dd><del><bdi>agent</bdi></del>" in text
    assert "<ins><bdi>admin</bdi></ins>" in text
    assert COMMAND_LINE in text  # who created the two
    assert 'title="America/Chicago">C' in text


def test_values_are_readable(office: Browser, admin: Viewer, ana: Viewer, services: Services) -> None:
    zoe = services.agents.create(Profile(agent_name="Zoe"), admin)
    services.agents.update(zoe.agent_id, Profile(agent_name="Zoe", user_id=ana.user_id, slot_minutes=90), admin)
    text = " ".join(office.get("/audit?kind=agent").text.split())
    assert '<dt>Owner</dt><dd><del><span class="none">nothing</span></del>' in text
    assert "<ins><bdi>Ana Lima (ana@example.com)</bdi></ins>" in text
    assert "<dt>Viewing length</dt><dd><del><bdi>30 min</bdi></del>" in text
    assert "<ins><bdi>1 h 30 min</bdi></ins>" in text
    services.user_admin.deactivate(ana.user_id, admin)
    deactivated = " ".join(office.get("/audit?kind=agent").text.split())
    assert "<ins><bdi>Ana Lima (ana@example.com)</bdi></ins>" in deactivated, "also after it cannot sign in any more"


def test_log_entries_are_escaped(office: Browser, record: Callable[..., None]) -> None:
    record(subject="boo", actor="<script>alert(1)</script>", note="<b>bold</b>\u202e")
    text = office.get("/audit").text
    assert "&lt;i&gt;boo&lt;/i&gt;" in text
    assert "<bdi>&lt;b&gt;bold&lt;/b&gt;" in text
    assert "<script" not in text
    assert "<b>" not in text


def test_log_is_filtered_by_actor_kind_and_id(office: Browser, record: Callable[..., None]) -> None:
    record(kind="agent", subject="a1")
    record(kind="appointment", subject="17")
    record(kind="message", subject="4", actor="gone@example.com")

    def shown(query: str) -> set[str]:
        text = office.get(f"/audit{query}").text
        return {subject for subject in ("a1", "17", "4") if f"<bdi>&lt;i&gt;{subject}&lt;/i&gt;" in text}

    assert shown("") == {"a1", "17", "4"}
    assert shown("?kind=agent") == {"a1"}
    assert shown("?kind=appointment&id=17") == {"17"}
    assert shown("?actor=gone@example.com") == {"4"}
    assert shown("?actor=gone@example.com&kind=agent") == set()
    page = office.get("/audit?actor=gone@example.com&kind=message&id=4").text
    assert "<option selected>gone@example.com</option>" in page
    assert 'href="/audit?actor=gone@example.com&amp;kind=message"' in page
    assert "No changes found" in office.get("/audit?id=unknown").text


def test_change_of_a_tool_names_its_token(
    office: Browser, record: Callable[..., None], services: Services, admin: Viewer, queries: list[str]
) -> None:
    """Also after the token was revoked; the log can be filtered by it."""
    token = services.api_tokens.create(NewToken(name="Zapier <b>"), admin).token
    record(subject="by-hand")
    tool = replace(admin, token=ToolToken(token.token_id, token.name))
    record(actor=tool, subject="by-tool")
    record(actor=replace(admin, token=ToolToken(token.token_id + 1, "Other")), subject="by-other")
    services.api_tokens.revoke(token.token_id, admin)
    queries.clear()
    text = office.get("/audit").text
    assert len(queries) == 3
    link = f'<a href="/audit?token={token.token_id}">“<bdi>Zapier &lt;b&gt;</bdi>”</a>'
    assert f"<bdi>{admin.email}</bdi></a> with token {link}" in text
    assert text.count("with token") == 2
    page = office.get(f"/audit?token={token.token_id}&kind=agent").text
    assert "by-tool" in page
    assert "by-hand" not in page
    assert "by-other" not in page
    assert "With token “Zapier &lt;b&gt;”" in page, "the active filter"
    assert f'<input type="hidden" name="token" value="{token.token_id}">' in page, "it stays when another is added"
    assert f'href="/audit?token={token.token_id}"' in office.get("/tokens").text
    for wrong in ("x", "0", "9" * 30, "-1", "٣"):
        ignored = office.get(f"/audit?token={wrong}").text
        assert "The token must be a number. It was ignored." in ignored
        assert "by-hand" in ignored
    assert "No changes found" in office.get("/audit?token=999").text


def test_log_days_are_in_the_office_zone(office: Browser, database: Database) -> None:
    database.fetch(
        """
        INSERT INTO audit_log (happened_at, actor, action, subject_kind, subject_id, subject_name, before, after)
        VALUES ('2026-03-09 04:59+00', 'x', 'moved', 'appointment', '1', 'Elm', '{"start": "2026-03-10T16:00Z"}', '{}'),
               ('2026-03-09 05:00+00', 'x', 'moved', 'appointment', '2', 'Oak', '{}', '{}')
        """
    )
    eighth = office.get("/audit?from=2026-03-08&to=2026-03-08").text
    assert "Elm" in eighth
    assert "Oak" not in eighth
    assert "Sun, Mar 8, 11:59 pm" in eighth
    assert "Tue, Mar 10, 2026, 11:00 am CDT" in eighth
    assert 'href="/audit?to=2026-03-08"' in eighth
    ninth = office.get("/audit?from=2026-03-09&to=2026-03-09").text
    assert "Oak" in ninth
    assert "Elm" not in ninth
    assert "Elm" in office.get("/audit?from=2026-03-08&to=yesterday").text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?from=soon", "“soon” is not a valid date"),
        ("?from=2026-03-09&to=2026-03-08", "is before the first day"),
        ("?kind=<b>", "There is no kind “&lt;b&gt;”"),
        ("?page=0", "no page “0”"),
        ("?page=٣", "There is no page"),
    ],
)
def test_invalid_filter_is_ignored_with_warning(
    office: Browser, record: Callable[..., None], query: str, expected: str
) -> None:
    record(subject="a1")
    text = office.get(f"/audit{query}").text
    assert expected in text
    assert "a1" in text


def test_filter_stays_while_paging(office: Browser, record: Callable[..., None]) -> None:
    for number in range(PAGE_SIZE + 1):
        record(subject=f"agent-{number}")
    first = office.get("/audit?kind=agent").text
    assert 'href="/audit?page=2&amp;kind=agent"' in first
    second = office.get("/audit?kind=agent&page=2").text
    assert second.count('class="log-entry"') == 1
    assert "agent-0" in second
    assert "This page is empty" in office.get("/audit?page=9").text
    assert len(first.encode()) < 60_000


def test_empty_log_explains_itself(office: Browser, database: Database) -> None:
    database.fetch("TRUNCATE audit_log")
    assert "No changes yet" in office.get("/audit").text


def test_log_is_for_admins(anas: Browser, services: Services, admin: Viewer) -> None:
    services.agents.create(Profile(agent_name="Zoe"), admin)
    assert anas.get("/audit").status_code == 403
    assert 'href="/audit"' not in anas.get("/agents").text


TEXTS = st.text(max_size=20) | st.sampled_from([
    "2026-13-45T99:99", "0001-01-01T00:00+14:00", "9999-12-31T23:59:59-12:00", "09:00–99:99", "settings", "٣", "²", "-1",
    "wording a/b/c", "7", "9" * 40, "nora/castillo",
])  # fmt: skip
NAMES = st.sampled_from([*LABELS, "of_another_release"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
SIDES = st.dictionaries(NAMES, VALUES, max_size=4)


@given(kind=st.sampled_from(get_args(SubjectKind)) | TEXTS, subject_id=TEXTS, before=SIDES, after=SIDES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_entry_can_be_shown(
    app: Flask, kind: Any, subject_id: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    """Of whatever release: one that cannot be would take the whole page away."""
    change = Change(
        action="x", subject_kind=kind, subject_id=subject_id, subject_name=subject_id, before=before, after=after
    )
    with app.test_request_context():
        url = subject_url(change)
    fields = labelled_fields(change, ZoneInfo("America/Chicago"))
    assert url is None or url.startswith("/")
    assert len(fields) <= len({*before, *after})
    assert subject_label(change)[:1] == subject_id[:1] or subject_id.startswith("wording")


def test_subject_is_linked_where_it_has_a_page(app: Flask) -> None:
    def url(kind: SubjectKind, subject_id: str) -> str | None:
        with app.test_request_context():
            return subject_url(Change(action="x", subject_kind=kind, subject_id=subject_id, subject_name="y"))

    assert (url("home", "7"), url("home", "settings"), url("home", "")) == ("/homes/7", None, None)
    assert (url("agent", "ana-lima"), url("call", "a/b")) == ("/agents/ana-lima", "/calls/a/b")
    assert url("job", "7") is None
