"""Settings from the environment: read once into a frozen object; all problems are reported in one message."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peterental.database_urls import EXAMPLE, is_well_formed, masked, with_tls
from peterental.env_file import EnvFileError, is_production, load_into_process
from peterental.errors import Fault
from peterental.mail_settings import FROM_EXAMPLE, SMTP_EXAMPLE, MailSender, SmtpServer
from peterental.trusted_proxies import MAX_HOPS, NO_PROXIES, TrustedProxies

PROJECT_DIR = Path(__file__).resolve().parent.parent

Environment = Literal["development", "production"]
MigrateFailure = Literal["serve", "abort"]
LogFormat = Literal["text", "json"]
SecondFactorPolicy = Literal["", "admins", "all"]

Choice = TypeVar("Choice", bound=str)
Default = TypeVar("Default", int, None)

EXTENSION = "peterental.config"
"""Under which `create_app` keeps the settings in the extensions of the application."""

MIN_CREDENTIALS_KEY_CHARS = 32

RENDER_PROXIES = TrustedProxies(hops=3)
"""Cloudflare's edge, Render's edge and Render's internal proxy: `docs/deploy-render.md` says how that was found."""


class ConfigError(Fault):
    """PeteRental cannot start: {problems}."""


_PUBLIC_HOST = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


_TEXT_SENDER = re.compile(r"\+[1-9][0-9]{7,14}|MG[0-9a-fA-F]{32}|[0-9]{5,6}")
"""A number in E.164, a messaging service, or a short code."""


class SecretKeyError(Fault):
    """Cannot store a development SECRET_KEY in {path}: {reason}; set SECRET_KEY or make that folder writable."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The validated settings of one process; `docs/settings.md` describes each for operators.

    Secrets and URLs are left out of `repr`, so that a logged Config reveals no password.
    """

    environment: Environment = "development"
    database_url: str | None = field(default=None, repr=False)
    """None means the embedded server, in development only."""
    migrations_database_url: str | None = field(default=None, repr=False)
    scratch_database_url: str | None = field(default=None, repr=False)
    migrations_dir: Path = PROJECT_DIR / "migrations"
    migrate_on_start: bool = True
    migrate_failure: MigrateFailure = "serve"
    allow_older_release: bool = False
    """Serve although a newer release has applied a contract file."""
    secret_key: str | None = field(default=None, repr=False)
    vapi_webhook_secret: str | None = field(default=None, repr=False)
    vapi_hmac_secret: str | None = field(default=None, repr=False)
    credentials_keys: tuple[str, ...] = field(default=(), repr=False)
    """Encrypt secrets in the database; the first one encrypts, all of them decrypt."""
    require_second_factor: SecondFactorPolicy = ""
    default_time_zone: str = "America/Chicago"
    port: int | None = None
    public_url: str | None = None
    """Where the pages are reached from outside: scheme, host and port. Links start with it."""
    hsts_subdomains: bool = False
    trusted_proxies: TrustedProxies = NO_PROXIES
    """The proxies that may report a client's address and scheme."""
    web_concurrency: int = 2
    web_threads: int = 8
    log_level: str = "INFO"
    log_format: LogFormat = "text"
    microsoft_client_id: str | None = None
    microsoft_client_secret: str | None = field(default=None, repr=False)
    google_client_id: str | None = None
    google_client_secret: str | None = field(default=None, repr=False)
    graph_url: str = "https://graph.microsoft.com"
    microsoft_login_url: str = "https://login.microsoftonline.com"
    google_api_url: str = "https://www.googleapis.com"
    google_login_url: str = "https://accounts.google.com"
    twilio_account_sid: str | None = None
    twilio_auth_token: str | None = field(default=None, repr=False)
    """Sends texts, and signs what Twilio sends."""
    twilio_shared_key: str | None = field(default=None, repr=False)
    """Signs what Twilio sends where a Webhooks Rule of the account applies."""
    twilio_from: str | None = None
    """A number in E.164, or the id of a messaging service."""
    twilio_url: str = "https://api.twilio.com"
    vapi_api_key: str | None = field(default=None, repr=False)
    """The private key of the Vapi account; None where an admin enters it."""
    vapi_url: str = "https://api.vapi.ai"
    smtp: SmtpServer | None = None
    """The server that takes e-mail; None in development writes files, and in production sends none."""
    mail_from: MailSender | None = None
    allow_private_addresses: bool = False
    """Let typed calendar addresses point to loopback and private networks."""
    calendar_max_age_minutes: int = 15
    """Older busy times are read again before a time is offered by phone, or not relied on."""
    keep_calls_days: int | None = None
    """After how many days calls are reduced; None keeps them."""
    jobs: bool = True
    """Start a worker of background jobs beside gunicorn."""
    load_demo: bool = False
    """Load demo data into an empty database at the start; development only."""
    instance_dir: Path = PROJECT_DIR / "instance"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the settings from `environ` (default: the process's environment, with the variables of `.env`).

        An empty value counts as not set. Raises ConfigError that names every invalid or missing setting, EnvFileError.
        """
        if environ is None:
            load_into_process(PROJECT_DIR / ".env")
        reader = _Reader(os.environ if environ is None else environ)
        reader.switch("DOTENV", default=False)  # read by load_into_process
        config = cls(
            environment=reader.environment(),
            database_url=reader.database_url("DATABASE_URL"),
            migrations_database_url=reader.database_url("MIGRATIONS_DATABASE_URL"),
            scratch_database_url=reader.database_url("SCRATCH_DATABASE_URL"),
            migrations_dir=Path(reader.text("MIGRATIONS_DIR") or PROJECT_DIR / "migrations"),
            migrate_on_start=reader.switch("MIGRATE_ON_START", default=True),
            migrate_failure=reader.choice("MIGRATE_FAILURE", ("serve", "abort")),
            allow_older_release=reader.switch("ALLOW_OLDER_RELEASE", default=False),
            secret_key=reader.text("SECRET_KEY"),
            vapi_webhook_secret=reader.text("VAPI_WEBHOOK_SECRET"),
            vapi_hmac_secret=reader.text("VAPI_HMAC_SECRET"),
            credentials_keys=reader.keys("CREDENTIALS_KEY"),
            require_second_factor=reader.choice("REQUIRE_SECOND_FACTOR", ("", "admins", "all")),
            default_time_zone=reader.time_zone("DEFAULT_TIME_ZONE", default="America/Chicago"),
            port=reader.number("PORT", default=None, low=1, high=65535),
            public_url=reader.public_url("PUBLIC_URL", "RENDER_EXTERNAL_URL"),
            hsts_subdomains=reader.switch("HSTS_SUBDOMAINS", default=False),
            trusted_proxies=reader.trusted_proxies("TRUSTED_PROXIES"),
            web_concurrency=reader.number("WEB_CONCURRENCY", default=2, low=1, high=64),
            web_threads=reader.number("WEB_THREADS", default=8, low=1, high=64),
            log_level=reader.choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"), fold=str.upper),
            log_format=reader.choice("LOG_FORMAT", ("text", "json")),
            microsoft_client_id=reader.text("MICROSOFT_CLIENT_ID"),
            microsoft_client_secret=reader.text("MICROSOFT_CLIENT_SECRET"),
            google_client_id=reader.text("GOOGLE_CLIENT_ID"),
            google_client_secret=reader.text("GOOGLE_CLIENT_SECRET"),
            graph_url=reader.service_url("GRAPH_URL", default=cls.graph_url),
            microsoft_login_url=reader.service_url("MICROSOFT_LOGIN_URL", default=cls.microsoft_login_url),
            google_api_url=reader.service_url("GOOGLE_API_URL", default=cls.google_api_url),
            google_login_url=reader.service_url("GOOGLE_LOGIN_URL", default=cls.google_login_url),
            twilio_account_sid=reader.text("TWILIO_ACCOUNT_SID"),
            twilio_auth_token=reader.text("TWILIO_AUTH_TOKEN"),
            twilio_shared_key=reader.text("TWILIO_SHARED_KEY"),
            twilio_from=reader.text_sender("TWILIO_FROM"),
            twilio_url=reader.service_url("TWILIO_URL", default=cls.twilio_url),
            vapi_api_key=reader.text("VAPI_API_KEY"),
            vapi_url=reader.service_url("VAPI_URL", default=cls.vapi_url),
            smtp=reader.smtp_server("SMTP_URL"),
            mail_from=reader.mail_sender("MAIL_FROM"),
            allow_private_addresses=reader.switch("ALLOW_PRIVATE_ADDRESSES", default=False),
            calendar_max_age_minutes=reader.number("CALENDAR_MAX_AGE_MINUTES", default=15, low=6, high=1440),
            keep_calls_days=reader.number("KEEP_CALLS_DAYS", default=None, low=1, high=36_500),
            jobs=reader.switch("JOBS", default=True),
            load_demo=reader.switch("PETERENTAL_DEMO", default=False),
        )
        reader.require_for_production(config)
        reader.require_together(
            {
                "TWILIO_ACCOUNT_SID": config.twilio_account_sid,
                "TWILIO_AUTH_TOKEN": config.twilio_auth_token,
                "TWILIO_FROM": config.twilio_from,
            }
        )
        reader.require_together({"SMTP_URL": config.smtp, "MAIL_FROM": config.mail_from})
        reader.finish()
        return config

    @classmethod
    def from_env_or_exit(cls) -> Config:
        """Return `from_env()`, or exit with its message on stderr and code 1."""
        try:
            return cls.from_env()
        except (ConfigError, EnvFileError) as error:
            sys.exit(f"❌ {error}")

    @property
    def is_production(self) -> bool:
        """Whether real callers are served."""
        return self.environment == "production"

    @property
    def texts_by_twilio(self) -> bool:
        """Whether texts are sent by Twilio: an account and a sender are set."""
        return bool(self.twilio_account_sid and self.twilio_auth_token and self.twilio_from)

    @property
    def office_zone(self) -> ZoneInfo:
        """The time zone of the office, for times that belong to no agent."""
        return ZoneInfo(self.default_time_zone)

    @property
    def waiting_pages(self) -> int:
        """How many threads may wait for a provider because of pages: a quarter, so that phone calls have the others."""
        return max(1, self.web_threads // 4)

    @property
    def bind(self) -> str:
        """`host:port` for gunicorn: every interface if PORT is set, else localhost."""
        return f"0.0.0.0:{self.port}" if self.port else "127.0.0.1:8000"

    @property
    def address(self) -> str:
        """The address of the pages: the public address if known, else localhost."""
        return self.public_url or f"http://127.0.0.1:{self.port or 8000}"

    @property
    def link_address(self) -> str | None:
        """The address that links in notices begin with; None in production without a public address."""
        return self.public_url or (None if self.is_production else self.address)

    def session_key(self) -> str:
        """Return the key that signs sessions: SECRET_KEY, or in development one stored in `instance/`.

        Raises SecretKeyError when that folder is not writable.
        """
        if self.secret_key is not None:
            return self.secret_key
        path = self.instance_dir / "secret_key"
        try:
            return _read_or_create_secret(path)
        except OSError as error:
            raise SecretKeyError(path=path, reason=error.strerror) from error

    def encryption_keys(self) -> tuple[str, ...]:
        """Return the keys for secrets in the database, the newest first.

        The session key is the last: it encrypts while CREDENTIALS_KEY is not set, and later decrypts what it encrypted.

        Raises SecretKeyError.
        """
        return (*self.credentials_keys, self.session_key())


class Application(Protocol):
    """The part of a Flask application that `config_of`, and others like it, use."""

    extensions: dict[str, Any]


def config_of(app: Application) -> Config:
    """Return the settings with which `create_app` built `app`."""
    config = app.extensions[EXTENSION]
    assert isinstance(config, Config)  # noqa: S101  # tells mypy; create_app put it there
    return config


def _read_or_create_secret(path: Path) -> str:
    """Return the secret stored at `path`; the first process creates it, atomically."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48), encoding="ascii")
        try:
            os.link(draft, path)  # unlike rename, fails if another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii")


def _shown(value: str) -> str:
    """Return an invalid value for a message; one that might hold a password is masked."""
    return masked(value) if set(value) & set(":@=") else repr(value)


class _Reader:
    """Reads and validates settings, and collects the problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._is_production = is_production(environ)
        self._problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def choice(self, name: str, choices: tuple[Choice, ...], fold: Callable[[str], str] = str) -> Choice:
        """Return one of `choices`, the first by default."""
        value = self.text(name)
        if value is None:
            return choices[0]
        value = fold(value)
        for choice in choices:
            if choice == value:
                return choice
        self._problems.append(f"{name} must be one of {', '.join(filter(None, choices))}, not {_shown(value)}")
        return choices[0]

    def switch(self, name: str, *, default: bool) -> bool:
        """Return whether a setting is 1; it may be 0."""
        return self.choice(name, ("1", "0") if default else ("0", "1")) == "1"

    def keys(self, name: str) -> tuple[str, ...]:
        """Return the comma-separated keys of a setting. The message about a short one does not quote it."""
        found = tuple(key.strip() for key in (self.text(name) or "").split(",") if key.strip())
        if any(len(key) < MIN_CREDENTIALS_KEY_CHARS for key in found):
            self._problems.append(f"{name} must be random keys of at least {MIN_CREDENTIALS_KEY_CHARS} characters")
            return ()
        return found

    def number(self, name: str, *, default: Default, low: int, high: int) -> int | Default:
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self._problems.append(f"{name} must be a whole number from {low} to {high}, not {_shown(value)}")
            return default
        return int(value)

    def time_zone(self, name: str, *, default: str) -> str:
        value = self.text(name) or default
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._problems.append(f"{name} must be an IANA time zone such as {default}, not {_shown(value)}")
            return default
        return value

    def environment(self) -> Environment:
        choices: tuple[Environment, ...] = (
            ("production", "development") if self._is_production else ("development", "production")
        )
        return self.choice("PETERENTAL_ENV", choices)

    def public_url(self, *names: str) -> str | None:
        """Return the first of `names` that is set, without a slash at the end."""
        name, value = next(((name, value) for name in names if (value := self.text(name))), ("", None))
        return None if value is None else self._base_url(name, value)

    def service_url(self, name: str, *, default: str) -> str:
        """Return the base address of a service, without a slash at the end."""
        value = self.text(name)
        return default if value is None else self._base_url(name, value) or default

    def text_sender(self, name: str) -> str | None:
        """Return the number or the messaging service that texts come from."""
        value = self.text(name)
        if value is not None and _TEXT_SENDER.fullmatch(value) is None:
            self._problems.append(
                f"{name} must be a number such as +14055550100, or the id of a messaging service (MG…), not {value!r}"
            )
            return None
        return value

    def _base_url(self, name: str, value: str) -> str | None:
        try:
            parts = urlsplit(value)
            well_formed = (
                value.isascii()
                and value.isprintable()
                and parts.scheme in {"http", "https"}
                and _PUBLIC_HOST.fullmatch(parts.netloc) is not None
                and (parts.port is None or parts.port > 0)
                and parts.path in {"", "/"}
                and not (parts.query or parts.fragment)
            )
        except ValueError:
            well_formed = False
        if not well_formed:
            self._problems.append(f"{name} must look like https://rent.example.com, without a path")
            return None
        return f"{parts.scheme}://{parts.netloc.lower()}"

    def smtp_server(self, name: str) -> SmtpServer | None:
        """Return a mail server. The message about a malformed URL does not quote it."""
        value = self.text(name)
        try:
            return None if value is None else SmtpServer.parse(value)
        except ValueError:
            self._problems.append(
                f"{name} must look like {SMTP_EXAMPLE} or smtps://…:465, with special characters percent-encoded"
            )
            return None

    def mail_sender(self, name: str) -> MailSender | None:
        value = self.text(name)
        try:
            return None if value is None else MailSender.parse(value)
        except ValueError:
            self._problems.append(f"{name} must look like {FROM_EXAMPLE}, not {_shown(value or '')}")
            return None

    def trusted_proxies(self, name: str) -> TrustedProxies:
        value = self.text(name)
        if value is None:
            return RENDER_PROXIES if self.text("RENDER") else NO_PROXIES
        try:
            return TrustedProxies.parse(value)
        except ValueError:
            self._problems.append(
                f"{name} must be a number of proxies from 0 to {MAX_HOPS}, or networks such as 10.0.0.0/8,192.0.2.7,"
                f" not {value!r}"
            )
            return NO_PROXIES

    def database_url(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        if not is_well_formed(value):
            hint = ", with special characters percent-encoded" if "postgres" in value.lower() else ""
            self._problems.append(f"{name} must look like {EXAMPLE}{hint}")
            return None
        return with_tls(value, self._environ) if self._is_production else value

    def require_for_production(self, config: Config) -> None:
        """Record a problem for each setting that only production requires."""
        if not config.is_production:
            return
        required = {
            "DATABASE_URL": config.database_url,
            "SECRET_KEY": config.secret_key,
            "VAPI_WEBHOOK_SECRET": config.vapi_webhook_secret,
        }
        missing = [name for name, value in required.items() if value is None and not self._has_problem(name)]
        if config.load_demo:
            self._problems.append("PETERENTAL_DEMO is for development only")
        if missing:
            self._problems.append(f"production needs {' and '.join(missing)} to be set")

    def require_together(self, settings: Mapping[str, object]) -> None:
        """Record a problem if some of these settings are set and some are not."""
        missing = [name for name, value in settings.items() if value is None and not self._has_problem(name)]
        present = [name for name, value in settings.items() if value is not None]
        if missing and present:
            self._problems.append(f"{' and '.join(present)} needs {' and '.join(missing)} to be set")

    def _has_problem(self, name: str) -> bool:
        return any(problem.startswith(f"{name} ") for problem in self._problems)

    def finish(self) -> None:
        if self._problems:
            raise ConfigError(problems="; ".join(self._problems))
