"""The page of API tokens: created, shown once, revoked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.tokens import service
from peterental.users.tokens.model import NewToken

if TYPE_CHECKING:
    import pytest

    from tests.web.conftest import Browser

SECRET = re.compile(r"pr_[A-Za-z0-9_-]{43}")


def test_token_is_shown_once(anas: Browser, services: Services, database: Database) -> None:
    assert "No tokens yet." in anas.get("/tokens").text
    created = anas.send("/tokens", name="Sheet <b>", scope="book", lifetime="30")
    secret = SECRET.search(created.text)
    assert secret
    assert created.headers["Cache-Control"] == "no-store"
    assert "Reads and books. Expires" in " ".join(created.text.split())
    found = services.api_tokens.authenticate(secret[0])
    assert found
    assert found.viewer.email == "ana@example.com"
    text = anas.get("/tokens").text
    assert secret[0] not in text
    assert f"{secret[0][:9]}…" in text
    assert "Sheet &lt;b&gt;" in text
    assert secret[0] not in str(database.fetch("SELECT * FROM api_tokens, audit_log"))


def test_form_that_is_sent_twice_creates_one_token(anas: Browser, services: Services, ana: Viewer) -> None:
    entries = {"name": "Sync", "scope": "book", "lifetime": "90", "proposed": proposed(anas)}
    first, second = (SECRET.findall(anas.send("/tokens", entries).text) for _ in range(2))
    assert first == second
    assert len(first) == 1
    assert len(services.api_tokens.listing(ana)) == 1
    for changed in ({"name": "Other"}, {"scope": "read"}, {"lifetime": "never"}, {"proposed": "x"}):
        assert SECRET.findall(anas.send("/tokens", {**entries, **changed}).text) != first
    assert len(services.api_tokens.listing(ana)) == 5, "Back and other entries: another token"


def test_form_does_not_bring_back_a_token_in_use(
    anas: Browser, office: Browser, services: Services, ana: Viewer, database: Database
) -> None:
    entries = {"name": "Sync", "scope": "book", "lifetime": "90", "proposed": proposed(anas)}
    (secret,) = SECRET.findall(anas.send("/tokens", entries).text)
    for later in ("last_used_at = NOW()", "revoked_at = NOW()", "created_at = NOW() - INTERVAL '11 minutes'"):
        database.fetch("UPDATE api_tokens SET last_used_at = NULL, revoked_at = NULL, created_at = NOW()")
        database.fetch(f"UPDATE api_tokens SET {later}")
        assert SECRET.findall(anas.send("/tokens", entries).text) != [secret], later
    assert SECRET.findall(office.send("/tokens", entries).text) != [secret], "the form is Ana's"
    assert len(services.api_tokens.listing(ana)) == 4


def proposed(browser: Browser) -> str:
    """Return what the form of a new token carries."""
    found = re.search(r'name="proposed"[^>]*value="([^"]+)"', browser.get("/tokens").text)
    assert found
    return found[1]


def test_entries_are_checked_at_their_fields(anas: Browser) -> None:
    refused = anas.send("/tokens", name="", scope="all", lifetime="30")
    assert refused.status_code == 400
    assert "Name the tool that will use the token." in refused.text
    assert "Choose one of the options." in refused.text
    assert anas.send("/tokens", name="x" * 81, scope="read", lifetime="30").status_code == 400


def test_user_revokes_own_tokens_and_admin_any(
    anas: Browser, office: Browser, services: Services, ana: Viewer, admin: Viewer
) -> None:
    own = services.api_tokens.create(NewToken(name="Own"), ana)
    admins = services.api_tokens.create(NewToken(name="Office tool"), admin)
    assert "Office tool" not in anas.get("/tokens").text
    assert "Own" in office.get("/tokens").text
    path = f"/tokens/{admins.token.token_id}/revoke"
    assert anas.get(path).status_code == 404
    assert anas.post(path, csrf_token=anas.token("/tokens")).status_code == 404
    assert services.api_tokens.authenticate(admins.secret)
    path = f"/tokens/{own.token.token_id}/revoke"
    assert "cannot be restored" in office.get(path).text
    assert "The token of Own was revoked." in office.send(path, follow=True).text
    assert services.api_tokens.authenticate(own.secret) is None
    assert "Revoked" in anas.get("/tokens").text
    assert "by <bdi>office@example.com</bdi>" in anas.get("/tokens").text
    assert anas.get(path).status_code == 404
    assert [one["action"] for one in _log(services, admin)] == ["token revoked", "token created", "token created"]


def test_number_of_tokens_is_bounded(
    anas: Browser, services: Services, ana: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_TOKENS", 1)
    services.api_tokens.create(NewToken(name="One"), ana)
    assert "You have 1 valid tokens." in anas.send("/tokens", name="Two", scope="read", lifetime="never").text


def test_lists_take_few_queries(anas: Browser, queries: list[str]) -> None:
    queries.clear()
    anas.get("/tokens")
    assert len(queries) == 2  # the sign-in check, the tokens


def _log(services: Services, admin: Viewer) -> list[dict[str, str]]:
    entries = services.audit.listing(admin).entries
    return [{"action": one.change.action} for one in entries if one.change.subject_kind == "token"]
