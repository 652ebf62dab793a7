"""Database URLs: passwords are never shown, ambiguous URLs are refused, and public hosts need TLS in production."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import sys
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from peterental.config import Config, ConfigError
from peterental.database.connect import DatabaseUnavailable
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import ServerUnavailable
from peterental.database.pool import Database
from peterental.database_urls import is_well_formed, mask_passwords, masked, with_tls
from peterental.logs import logging_config

PRODUCTION = {"PETERENTAL_ENV": "production", "SECRET_KEY": "a key", "VAPI_WEBHOOK_SECRET": "a secret"}
NAMES = ("DATABASE_URL", "MIGRATIONS_DATABASE_URL", "SCRATCH_DATABASE_URL")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://pete:hush@db:5432/x", "postgresql://pete:***@db:5432/x"),
        ("postgres://pete:hu@sh@db/x?sslmode=require", "postgres://pete:***@db/x?sslmode=require"),
        ("postgresql:///x?password=hush&user=pete", "postgresql:///x?password=***&user=pete"),
        ("postgresql://db/x?sslpassword=hush", "postgresql://db/x?sslpassword=***"),
        ("postgresql://pete@db/x", "postgresql://pete@db/x"),
        ("postgresql://:hush@[::1]:5432,two:1/x", "postgresql://:***@[::1]:5432,two:1/x"),
        ("postgresql://pete:hu sh/?#%@db/x", "postgresql://pete:***@db/x"),
        ("postgresql://db/x?options=-chush%3D1&hush", "postgresql://db/x?***&***"),
        ("postgresql://pete:hush", "***"),
        ("postgresql://pete:hush/x@db/y/z", "***"),
        ("postgresql://pete:hush@[::1/x", "***"),
        ("pete:hush@db/x", "***"),
        ("host=db password=hush", "***"),
        ("hush", "***"),
        ("", "***"),
    ],
)
def test_passwords_are_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


passwords = st.text(min_size=6).filter(lambda text: text not in "postgresql://pete:***@db.example.com:5432/rentals?***")
TEMPLATES = (
    "postgresql://pete:{}@db.example.com:5432/rentals",
    "postgresql://pete:{}@db.example.com/rentals?sslmode=require&host=x",
    "postgres://:{}@db",
    "postgresql://pete:{}@[::1]/x",
    "postgresql://pete:x@{}@db/x",
    "POSTGRES://pete:{}@db",
    " postgresql://pete:{}@db",
    "postgresql://pete:{}@@db//x",
    "postgresql://pete:{}@db:port/x",
    "postgresql:/pete:{}@db/x",
    "postgresql//pete:{}@db/x",
    "pete:{}@db/x",
    "postgresql://db/x?password={}",
    "postgresql://db/x?passwort={}",
    "postgresql://db/x?user=pete&password={}&sslmode=require",
    "postgresql://db/x?sslpassword={}",
    "host=db password={} user=pete",
    "host=db password='{}' user=pete",
    "'{}'",
    "https://pete:{}@example.com/x",
)


@given(st.sampled_from(TEMPLATES), passwords)
@example(TEMPLATES[0], "secret@db.example.com")
@example(TEMPLATES[0], "pa ss%zz")
@example(TEMPLATES[12], "a&user=secret")
def test_no_password_is_ever_shown(template: str, password: str) -> None:
    assert password not in masked(template.format(password))


URL_TEMPLATES = tuple(template for template in TEMPLATES if template.lower().lstrip().startswith("postgres"))[:8]
words = st.text(st.characters(codec="utf-8", exclude_characters="@\n\r"), max_size=20)


@given(st.sampled_from(URL_TEMPLATES), passwords.filter(lambda text: "\n" not in text), words, words)
def test_no_password_is_logged(template: str, password: str, before: str, after: str) -> None:
    """A log line is masked whatever surrounds the URL."""
    if password not in before + after:
        shown = mask_passwords(f"{before}{template.format(password)}{after}")
        assert password not in shown or password in template


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("connecting to postgresql://pete:hu sh@db/x failed", "connecting to postgresql://***@db/x failed"),
        ("see https://pete:hush@example.com/x, or ana@example.com", "see https://pete:***@example.com/x, or ana@example.com"),
        ("host=db password=hush user=pete", "host=db password=*** user=pete"),
        ("PGPASSWORD='hu\\' sh' psql", "PGPASSWORD=*** psql"),
        ("see https://example.com/a and write to ana@example.com", "see https://example.com/a and write to ana@example.com"),
        ("Wrong password for ana", "Wrong password for ana"),
    ],
)  # fmt: skip
def test_passwords_in_a_log_line_are_masked(line: str, shown: str) -> None:
    assert mask_passwords(line) == shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_logs_and_tracebacks_are_masked(log_format: Any) -> None:
    settings = logging_config(Config(log_format=log_format))
    formatter = logging.config.DictConfigurator(settings).configure_formatter(settings["formatters"][log_format])
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter)
    try:
        int("postgresql://pete:hush@db/x")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "failed: %s", ("password=hush",), sys.exc_info())
    handler.emit(record)
    assert "hush" not in output.getvalue()
    assert "ValueError: invalid literal" in output.getvalue()
    assert log_format == "text" or json.loads(output.getvalue())["message"] == "failed: password=***"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pete:secret words@127.0.0.1:1/x",
        "postgresql://pete:secret%zz@127.0.0.1:1/x",
        "postgresql://pete:with@secret@127.0.0.1:1/x",
        "postgresql://pete:with/secret@127.0.0.1:1/x",
        "postgresql://pete:5432/secret@127.0.0.1:1/x",
        "postgresql://pete:secret%00@127.0.0.1:1/x",
        "postgresql://pete:secret@127.0.0.1:1:2/x",
        "postgresql://pete:secret@127.0.0.1:99999/x",
        "postgresql://pete:secret@127.0.0.1:1/x?passwrd=secret",
        "postgresql://pete:secret@db example/x",
        "postgresql://pete:secret@[::1/x",
        "host=127.0.0.1 port=1 password=with secret",
        "host=127.0.0.1 port=1 password='with secret",
        "pete:secret@127.0.0.1:1/x",
        "secret",
    ],
)
class TestMalformedUrl:
    """A URL that libpq cannot read, or reads otherwise than it was meant."""

    @pytest.mark.parametrize("name", NAMES)
    def test_setting_is_refused(self, url: str, name: str) -> None:
        with pytest.raises(ConfigError) as caught:
            Config.from_env({name: url})
        hint = ", with special characters percent-encoded" if "postgres" in url else ""
        assert str(caught.value) == (
            f"PeteRental cannot start: {name} must look like postgresql://user:password@host:5432/name{hint}."
        )

    @pytest.mark.usefixtures("real_time_limits")
    def test_no_fault_quotes_it(self, url: str) -> None:
        pool = Database(url)
        with pytest.raises(DatabaseUnavailable) as caught:
            pool.fetch("SELECT 1")
        pool.close()
        assert "secret" not in str(caught.value)
        with pytest.raises(ServerUnavailable) as stopped:
            MigrationRunner(url).run_migrations()
        assert "secret" not in str(stopped.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://",
        "postgres:///x",
        "postgresql://pete:hu%40sh@db.example.com/x",
        "postgresql://pete:hu?sh#@db.example.com:5432/x",
        "postgresql://pete:x@one:5432,two:5433/x?target_session_attrs=any",
        "postgresql://pete:x@[fe80::1%25eth0]:5432/x",
        "postgresql://%2Fvar%2Frun%2Fpostgresql/x",
        "postgresql:///x?host=/var/run/postgresql&port=5433",
    ],
)
def test_unusual_urls_are_accepted(url: str) -> None:
    assert is_well_formed(url)
    assert Config.from_env({"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("name", ["PORT", "LOG_FORMAT", "DEFAULT_TIME_ZONE", "PETERENTAL_ENV"])
def test_a_url_in_another_setting_is_masked(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must be") as caught:
        Config.from_env({name: "postgresql://pete:hush@db/x"})
    assert "hush" not in str(caught.value)


def test_other_wrong_values_are_quoted() -> None:
    with pytest.raises(ConfigError, match="not 'eighty'"):
        Config.from_env({"PORT": "eighty"})


PUBLIC = [
    "db.example.com",
    "DB.Example.Com.",
    "dpg-abc-a.oregon-postgres.render.com",
    "8.8.8.8",
    "172.32.0.1",
    "[2001:db8::1]",
    "[::ffff:8.8.8.8]",
    "134744072",
    "0x08080808",
    "10.1",
    "internal.example.com",
    "one,db.example.com",
    "db.example.com,one",
]
PRIVATE = [
    "",
    "localhost",
    "dpg-abc-a",
    "DB_1",
    "127.0.0.1",
    "127.9.9.9",
    "10.1.2.3",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.1.1",
    "[::1]",
    "[fd00::1]",
    "[fe80::1%25eth0]",
    "[::ffff:10.0.0.1]",
    "db.internal",
    "db.Local.",
    "%2Fvar%2Frun%2Fpostgresql",
    "one,two.internal,10.0.0.1",
]


@pytest.mark.parametrize("host", PUBLIC)
@pytest.mark.parametrize("name", NAMES)
def test_production_requires_tls_to_public_hosts(host: str, name: str) -> None:
    url = f"postgresql://pete:hush@{host}/x"
    environ = {"DATABASE_URL": "postgresql:///x", **PRODUCTION, name: url}
    assert getattr(Config.from_env(environ), name.lower()) == f"{url}?sslmode=require"
    assert getattr(Config.from_env({name: url}), name.lower()) == url, "development"


@pytest.mark.parametrize("host", PRIVATE)
def test_production_trusts_private_hosts(host: str) -> None:
    url = f"postgresql://pete:hush@{host}/x"
    assert Config.from_env({**PRODUCTION, "DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    ("url", "environ", "is_required"),
    [
        ("postgresql://db.example.com/x?connect_timeout=5", {}, True),
        ("postgresql://db.example.com/x?sslmode=disable", {}, False),
        ("postgresql://db.example.com/x?sslmode=verify-full", {}, False),
        ("postgresql://db.example.com/x?service=peterental", {}, False),
        ("postgresql://db.example.com/x", {"PGSSLMODE": "prefer"}, False),
        ("postgresql://db.example.com/x", {"PGSSLMODE": ""}, True),
        ("postgresql://db.example.com/x", {"PGSERVICE": "peterental"}, False),
        ("postgresql:///x", {"PGHOST": "db.example.com"}, True),
        ("postgresql:///x", {"PGHOST": "/run/postgresql"}, False),
        ("postgresql:///x?host=db.example.com", {}, True),
        ("postgresql://db.example.com/x?hostaddr=10.0.0.1", {}, False),
        ("postgresql://db/x?hostaddr=8.8.8.8", {}, True),
        ("postgresql://db/x", {"PGHOSTADDR": "8.8.8.8"}, True),
        ("postgresql://db,db.example.com/x?hostaddr=10.0.0.1,", {}, True),
        ("postgresql://db,two/x?hostaddr=10.0.0.1", {}, False),
    ],
)
def test_the_url_and_libpq_decide_first(url: str, environ: dict[str, str], *, is_required: bool) -> None:
    expected = f"{url}{'&' if '?' in url else '?'}sslmode=require" if is_required else url
    assert with_tls(url, environ) == expected
    assert psycopg.conninfo.conninfo_to_dict(expected)


@pytest.mark.usefixtures("real_time_limits")
def test_a_server_without_tls_is_explained(database_url: str) -> None:
    way_out = "turn on TLS at the server, or choose another sslmode in the URL"
    pool = Database(f"{database_url}?sslmode=require")
    with pytest.raises(DatabaseUnavailable, match=way_out):
        pool.fetch("SELECT 1")
    pool.close()
    with pytest.raises(ServerUnavailable, match=way_out) as caught:
        MigrationRunner(f"{database_url}?sslmode=require").run_migrations()
    assert "server does not support SSL" in str(caught.value)
