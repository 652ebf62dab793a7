"""A database of the system before PeteRental: after the migrations, sign-in and every page and command work on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from argon2 import PasswordHasher
from click.testing import Result
from flask import Flask

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.session.server import connect
from peterental.database.migrations.verify.impact import Weight
from peterental.database.migrations.verify.introspection import Catalog, read_catalog
from peterental.database.migrations.verify.verify import verify
from peterental.database.pool import Database
from peterental.services import Services
from peterental.users.model import AlreadySetUp, PasswordTooShort, SignedIn
from tests.conftest import PROJECT_DIR, Databases
from tests.voice.phone import BOOKED_MONDAY_AT_THREE, Clock, Phone, book, services_on, webhook

if TYPE_CHECKING:
    from tests.web.conftest import Browser

pytestmark = pytest.mark.untraced

WORDS = "correct horse battery"
EARLIER = (Path(__file__).parent / "earlier_system.sql").read_text(encoding="utf-8")
MIGRATIONS = PROJECT_DIR / "migrations"
LAST_BEFORE_ADOPTION = 15

HREF = re.compile(r'href="(/[^"#]*)')
ROSA = "rosa@example.com"

OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


def earlier_database(databases: Databases, more: str = "") -> str:
    """Create a database of the earlier system and return its URL."""
    url = databases.create()
    with psycopg.connect(url) as connection:
        connection.execute(f"{EARLIER};{more}".encode())
    return url


@pytest.fixture(scope="module", params=["ours", pytest.param("15", marks=pytest.mark.needs("postgres15"))])
def server_databases(request: pytest.FixtureRequest) -> Databases:
    """Creates databases on the server under test, or on another PostgreSQL version."""
    name = "databases" if request.param == "ours" else "databases_15"
    found: Databases = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="module")
def adopted_url(server_databases: Databases) -> str:
    """An earlier database with all migrations applied; no session may stay open in it."""
    url = earlier_database(server_databases)
    MigrationRunner(url).run_migrations()
    return url


@pytest.fixture
def database_url(server_databases: Databases, adopted_url: str) -> Iterator[str]:
    """A copy of the adopted database, for the application of this test."""
    url = server_databases.create(adopted_url)
    yield url
    server_databases.drop(url)


@pytest.fixture
def earlier_url(server_databases: Databases) -> Iterator[str]:
    """An earlier database without our migrations."""
    url = earlier_database(server_databases)
    yield url
    server_databases.drop(url)


def command_of(app: Flask) -> Callable[[str, str], Result]:
    """Return a function that runs `flask user-password` with an address and a password."""

    def run(email: str, password: str) -> Result:
        with app.app_context():
            return app.test_cli_runner().invoke(args=["user-password", email], input=f"{password}\n")

    return run


def catalog(url: str) -> Catalog:
    with connect(url, purpose="test") as connection:
        return read_catalog(connection, "public", which="database")


# --- the first admin --------------------------------------------------------------------------------------------------


def test_set_up_link_adopts_an_earlier_user(
    stranger: Browser, set_up_path: str, services: Services, database: Database
) -> None:
    assert "No account has a password yet" in stranger.get("/login").text
    page = stranger.send(set_up_path, email="Rosa@Example.com", password=WORDS, follow=True)
    assert page.request.path == "/today"
    assert "Rosa Reyes" in page.text
    assert services.users.is_set_up()
    assert stranger.get(set_up_path).status_code == 404
    rows = database.fetch("SELECT email, role, full_name, microsoft_access_token FROM users ORDER BY user_id")
    assert rows[0] == {
        "email": ROSA,
        "role": "admin",
        "full_name": "Rosa Reyes",
        "microsoft_access_token": "an access token",
    }
    assert [row["role"] for row in rows[1:]] == ["agent", "agent"]


def test_set_up_link_reactivates_an_earlier_user(services: Services) -> None:
    signed_in = services.users.create_first_admin("gone@example.com", WORDS)
    assert services.users.sign_in("gone@example.com", WORDS) == signed_in


def test_set_up_link_creates_a_new_user_too(services: Services) -> None:
    signed_in = services.users.create_first_admin("new@example.com", WORDS)
    assert signed_in.viewer.is_admin
    assert services.users.sign_in("new@example.com", WORDS) == signed_in
    with pytest.raises(AlreadySetUp):
        services.users.create_first_admin(ROSA, WORDS)


def test_command_makes_the_first_admin(app: Flask, services: Services, database: Database) -> None:
    run = command_of(app)
    done = run("ROSA@example.com", WORDS)
    assert done.exit_code == 0, done.output
    assert "✅ ROSA@example.com has a password now." in done.output
    assert "is an admin now, because no other user could sign in." in done.output
    done = run("sam@example.com", WORDS)
    assert "admin" not in done.output
    done = run(ROSA, f"another {WORDS}")
    assert "has a new password and was signed out everywhere" in done.output
    admin, sam = services.users.sign_in(ROSA, f"another {WORDS}"), services.users.sign_in("sam@example.com", WORDS)
    assert isinstance(admin, SignedIn)
    assert isinstance(sam, SignedIn)
    assert (admin.viewer.is_admin, sam.viewer.is_admin) == (True, False)
    changes = database.fetch("SELECT action, subject_name FROM audit_log ORDER BY audit_id")
    assert [tuple(row.values()) for row in changes] == [
        ("role changed", ROSA),
        ("password changed", ROSA),
        ("password changed", "sam@example.com"),
        ("password changed", ROSA),
    ]


def test_command_does_not_promote_the_deactivated(app: Flask, services: Services) -> None:
    run = command_of(app)
    done = run("gone@example.com", WORDS)
    assert "is deactivated and cannot sign in" in done.output
    assert "is an admin" not in done.output
    done = run(ROSA, WORDS)
    assert "is an admin now" in done.output
    assert services.users.sign_in("gone@example.com", WORDS) is None


def test_creating_an_earlier_user_names_the_other_command(app: Flask) -> None:
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["user-create", ROSA, "--role", "admin"], input=f"{WORDS}\n")
    assert done.exit_code == 1
    assert f"There is already a user with the e-mail address {ROSA}; flask user-password sets" in done.output


def test_refused_password_promotes_no_one(services: Services, database: Database) -> None:
    with pytest.raises(PasswordTooShort):
        services.users.set_up_password(ROSA, "short")
    assert database.fetch("SELECT DISTINCT role FROM users") == [{"role": "agent"}]


@pytest.mark.parametrize("password", ["", WORDS])
def test_no_password_fails_like_a_wrong_one(services: Services, monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    work: list[str] = []
    hasher = type(services.users.passwords._hasher)
    verify_hash = hasher.verify

    def recorded(self: PasswordHasher, stored: str, secret: bytes) -> bool:
        work.append(stored)
        return verify_hash(self, stored, secret)

    monkeypatch.setattr(hasher, "verify", recorded)
    assert services.users.sign_in("sam@example.com", password) is None
    services.users.create("kim@example.com", WORDS, "agent")
    assert services.users.sign_in("kim@example.com", f"{password}?") is None
    costs = {stored.rpartition("$")[0].rpartition("$")[0] for stored in work}
    assert (len(work), len(costs)) == (2, 1), "as much work for both"


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rosas(stranger: Browser, set_up_path: str) -> Browser:
    """A browser in which the first admin, an earlier user, is signed in."""
    assert stranger.send(set_up_path, email=ROSA, password=WORDS).status_code == 303
    return stranger


def test_every_linked_page_opens(rosas: Browser) -> None:
    todo = ["/agents", "/appointments", "/calls", "/messages", "/users", "/audit", "/schema", "/account", "/rehearsal"]
    seen: dict[str, int] = {}
    while todo and len(seen) < 150:
        path = todo.pop(0)
        page = rosas.get(path)
        seen[path] = page.status_code
        if page.mimetype == "text/html":
            found = [unescape(one) for one in HREF.findall(page.text)]
            todo += [
                one for one in dict.fromkeys(found) if one not in seen and one not in todo and "/assets/" not in one
            ]
    assert {path: status for path, status in seen.items() if status not in (200, 302, 303)} == {}
    places = {re.sub(r"\d+", "N", path.partition("?")[0]) for path in seen}
    assert {
        "/agents/agent_rosa",
        "/agents/agent_rosa/edit",
        "/agents/agent_rosa/hours",
        "/agents/agent_old/reactivate",
        "/appointments/N",
        "/appointments/N/cancel",
        "/appointments/N/move",
        "/appointments/new",
        "/users/N",
        "/users/invite",
    } <= places


def test_user_without_password_gets_a_link(rosas: Browser, open_browser: Callable[[], Browser]) -> None:
    assert rosas.get("/users").text.count(">No password yet</span>") == 1, "Sam; the third is deactivated"
    page = rosas.send("/users/2/link", at="/users/2", follow=True)
    link = re.search(r'value="([^"]*/join[^"]*)"', page.text)
    assert link is not None
    path = unescape(link[1]).removeprefix("http://127.0.0.1:8000")
    sams = open_browser()
    assert sams.send(path, new=WORDS, follow=True).status_code == 200
    assert "No password yet" not in rosas.get("/users").text


def test_earlier_appointments_can_be_changed(rosas: Browser, database: Database) -> None:
    ids = {row["attendee_name"]: row["id"] for row in database.fetch("SELECT id, attendee_name FROM appointments")}
    for path in (f"/appointments/{ids['Ida Ito']}/cancel", f"/appointments/{ids['Jon Jung']}/cancel"):
        seen = re.search(r'name="seen" value="([^"]*)"', rosas.get(path).text)
        assert seen is not None
        assert rosas.send(path, seen=unescape(seen[1])).status_code == 303
    status = "SELECT count(*) AS n FROM appointments WHERE status = 'cancelled'"
    assert database.fetch(status) == [{"n": 3}]


@pytest.mark.parametrize("assistant", [None, "short-id", "11111111-2222-4333-8444-777777777777"])
def test_agent_with_any_assistant_can_be_created(services: Services, assistant: str | None) -> None:
    services.agents.create(Profile(agent_name="New", vapi_assistant_id=assistant), OPERATOR)
    services.agents.create(Profile(agent_name="Newer"), OPERATOR)
    assert "New" in [agent.agent_name for agent in services.agents.names(OPERATOR)]


def test_caller_books_with_an_earlier_agent(database: Database, rosas: Browser) -> None:
    clock = Clock()
    phone = Phone(webhook(services_on(database, clock), clock), assistant_id="11111111-2222-4333-8444-555555555555")
    assert book(phone) == BOOKED_MONDAY_AT_THREE
    assert "1420 Elm Street" in rosas.get("/appointments").text
    assert rosas.get("/calls/call-1").status_code == 200


# --- the schema -------------------------------------------------------------------------------------------------------


def test_every_index_of_ours_is_there(adopted_url: str, server_databases: Databases) -> None:
    fresh = server_databases.create()
    MigrationRunner(fresh).run_migrations()
    ours, theirs = catalog(fresh).objects, catalog(adopted_url).objects
    indexes = [key for key in ours if key.kind == "index"]
    assert len(indexes) > 30
    assert [key for key in indexes if theirs.get(key) != ours[key]] == []
    assert [key.name for key in theirs if key.name.endswith("_earlier")] == []


def test_verify_finds_nothing_that_matters(adopted_url: str) -> None:
    found = verify(adopted_url, MIGRATIONS, report=print)
    assert found.of(Weight.MATTERS) == [], found.text()
    assert [one.part for one in found.of(Weight.JUDGE)] == [
        "constraint agent_name_not_empty",
        "constraint appointments_address_not_empty",
        "constraint attendee_name_not_empty",
    ], "an appointment without an address cannot have the constraint"
    harmless = {one.part for one in found.of(Weight.HARMLESS)}
    assert {"column microsoft_access_token", "column vapi_assistant_id", "index idx_agents_vapi_id"} <= harmless
    assert "none of which matters" in found.summary()


def test_verify_says_what_matters_before_adoption(earlier_url: str) -> None:
    MigrationRunner(earlier_url).run_migrations(to=LAST_BEFORE_ADOPTION)
    found = verify(earlier_url, MIGRATIONS, report=print)
    effects = {one.part: found.impacts[one].effect for one in found.of(Weight.MATTERS)}
    assert {
        ("column password_hash", "Statements that name it fail."),
        ("column vapi_assistant_id", "A statement that leaves it empty fails."),
        ("index idx_appointments_status", "Queries that need the index of the files read more, or the whole table."),
    } <= set(effects.items())


def test_migrations_change_nothing_on_our_own_tables(server_databases: Databases) -> None:
    url = server_databases.create()
    MigrationRunner(url).run_migrations(to=LAST_BEFORE_ADOPTION)
    files = "SELECT oid, relname, relfilenode FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid"
    ledger = "SELECT relid FROM pg_stat_user_tables WHERE relname LIKE 'schema_migration%'"
    with psycopg.connect(url, autocommit=True) as connection:
        before, objects = connection.execute(files).fetchall(), catalog(url).objects
        reported: list[str] = []
        assert MigrationRunner(url, report=reported.append).run_migrations(to=17) == 2
        assert connection.execute(files).fetchall() == before
        assert connection.execute(ledger).fetchall() != []
    assert catalog(url).objects == objects
    assert [line for line in reported if "NOTICE" in line or "WARNING" in line] == []


VARIANTS = {
    "no default and NULLs": (
        "ALTER TABLE users ADD password_hash VARCHAR(60); UPDATE users SET password_hash = email WHERE user_id = 1",
        {"type": "character varying(255)", "nullable": "no"},
    ),
    "a long text": ("ALTER TABLE users ADD password_hash TEXT", {"type": "text", "nullable": "no"}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_nullable_password_columns_are_adopted(earlier_url: str, variant: str) -> None:
    statement, expected = VARIANTS[variant]
    with psycopg.connect(earlier_url) as connection:
        connection.execute(f"ALTER TABLE users DROP COLUMN full_name; {statement}".encode())
    MigrationRunner(earlier_url).run_migrations()
    assert any(key.name == "full_name" for key in catalog(earlier_url).objects)
    column = next(value for key, value in catalog(earlier_url).objects.items() if key.name == "password_hash")
    assert column.items() >= expected.items()
    with psycopg.connect(earlier_url) as connection:
        assert connection.execute("SELECT count(*) FROM users WHERE password_hash = ''").fetchone() in [(2,), (3,)]


WRONG_INDEXES = """
DROP INDEX idx_users_email, idx_users_active, idx_appointments_status;
CREATE UNIQUE INDEX idx_users_email ON users (email, full_name);
CREATE INDEX idx_users_active ON users (email) WHERE is_active;
CREATE INDEX idx_appointments_status ON appointments (status, start_time DESC);
ALTER TABLE users ADD CONSTRAINT idx_agents_user UNIQUE (user_id, email);
"""


def test_indexes_of_any_other_definition_are_replaced(earlier_url: str) -> None:
    with psycopg.connect(earlier_url) as connection:
        connection.execute(WRONG_INDEXES)
        connection.execute("CREATE INDEX idx_users_active_earlier ON users (email)")
    MigrationRunner(earlier_url).run_migrations()
    found = {
        key.name: value["definition"] for key, value in catalog(earlier_url).objects.items() if key.kind == "index"
    }
    assert found["idx_users_email"] == "CREATE INDEX idx_users_email ON public.users USING btree (email)"
    assert str(found["idx_appointments_status"]).endswith("(status, start_time)")


def test_interrupted_build_is_healed(earlier_url: str) -> None:
    MigrationRunner(earlier_url).run_migrations(to=16)
    with psycopg.connect(earlier_url, autocommit=True) as connection, psycopg.connect(earlier_url) as other:
        other.execute("LOCK TABLE appointments IN ROW EXCLUSIVE MODE")
        connection.execute("SET lock_timeout TO 20")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            connection.execute("CREATE INDEX CONCURRENTLY idx_appointments_status ON appointments (status, start_time)")
        other.rollback()
    MigrationRunner(earlier_url).run_migrations()
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    with psycopg.connect(earlier_url) as connection:
        assert connection.execute(invalid).fetchall() == []


def test_addresses_that_differ_in_case_are_named(earlier_url: str) -> None:
    with psycopg.connect(earlier_url) as connection:
        connection.execute("INSERT INTO users (email) VALUES ('Rosa@Example.com')")
    with pytest.raises(Exception, match="could not create unique index") as failed:
        MigrationRunner(earlier_url).run_migrations()
    text = str(failed.value)
    assert "user_id 1, email rosa@example.com" in text
    assert "user_id 4, email Rosa@Example.com" in text
    merging = [line for line in text.splitlines() if line.strip().startswith(("UPDATE", "DELETE"))]
    with psycopg.connect(earlier_url) as connection:
        connection.execute("\n".join(merging).encode())
    assert MigrationRunner(earlier_url).run_migrations() > 0
