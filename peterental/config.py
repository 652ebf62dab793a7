"""Settings from the environment: read once into a frozen object; all problems are reported in one message."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qsl, urlencode, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from peterental.env_file import EnvFileError, is_production, load_into_process
from peterental.errors import Fault

PROJECT_DIR = Path(__file__).resolve().parent.parent

Environment = Literal["development", "production"]
MigrateFailure = Literal["serve", "abort"]
LogFormat = Literal["text", "json"]


class ConfigError(Fault):
    """PeteRental cannot start: {problems}."""


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
    default_time_zone: str = "America/Chicago"
    port: int | None = None
    public_url: str | None = None
    """The public address that the host sets (Render's RENDER_EXTERNAL_URL)."""
    web_concurrency: int = 2
    web_threads: int = 8
    log_level: str = "INFO"
    log_format: LogFormat = "text"
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
        reader.choice("DOTENV", ("0", "1"))  # read by load_into_process
        config = cls(
            environment=reader.environment(),
            database_url=reader.database_url("DATABASE_URL"),
            migrations_database_url=reader.database_url("MIGRATIONS_DATABASE_URL"),
            scratch_database_url=reader.database_url("SCRATCH_DATABASE_URL"),
            migrations_dir=Path(reader.text("MIGRATIONS_DIR") or PROJECT_DIR / "migrations"),
            migrate_on_start=reader.choice("MIGRATE_ON_START", ("1", "0")) == "1",
            migrate_failure=cast("MigrateFailure", reader.choice("MIGRATE_FAILURE", ("serve", "abort"))),
            allow_older_release=reader.choice("ALLOW_OLDER_RELEASE", ("0", "1")) == "1",
            secret_key=reader.text("SECRET_KEY"),
            vapi_webhook_secret=reader.text("VAPI_WEBHOOK_SECRET"),
            vapi_hmac_secret=reader.text("VAPI_HMAC_SECRET"),
            default_time_zone=reader.time_zone("DEFAULT_TIME_ZONE", default="America/Chicago"),
            port=reader.number("PORT", default=None, low=1, high=65535),
            public_url=reader.text("RENDER_EXTERNAL_URL"),
            web_concurrency=reader.number("WEB_CONCURRENCY", default=2, low=1, high=64) or 2,
            web_threads=reader.number("WEB_THREADS", default=8, low=1, high=64) or 8,
            log_level=reader.choice("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR", "CRITICAL"), fold=str.upper),
            log_format=cast("LogFormat", reader.choice("LOG_FORMAT", ("text", "json"))),
            jobs=reader.choice("JOBS", ("1", "0")) == "1",
            load_demo=reader.choice("PETERENTAL_DEMO", ("0", "1")) == "1",
        )
        reader.require_for_production(config)
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
    def bind(self) -> str:
        """`host:port` for gunicorn: every interface if PORT is set, else localhost."""
        return f"0.0.0.0:{self.port}" if self.port else "127.0.0.1:8000"

    @property
    def address(self) -> str:
        """The address of the pages: the public address if known, else localhost."""
        return self.public_url or f"http://127.0.0.1:{self.port or 8000}"

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


def masked(url: str) -> str:
    """Return a database URL for display: each password, in the userinfo or the query, becomes `***`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    userinfo, at, host = parts.netloc.rpartition("@")
    if ":" in userinfo:
        userinfo = userinfo.partition(":")[0] + ":***"
    shown = f"{parts.scheme}://{userinfo}{at}{host}{parts.path}"
    if parts.query:
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        shown += "?" + urlencode([(k, "***" if "password" in k.lower() else v) for k, v in pairs], safe="*/")
    return shown


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


class _Reader:
    """Reads and validates settings, and collects the problems."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []

    def text(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def choice(self, name: str, choices: tuple[str, ...], fold: Callable[[str], str] = str) -> str:
        """Return one of `choices`, the first by default."""
        value = self.text(name)
        if value is None:
            return choices[0]
        value = fold(value)
        if value not in choices:
            self._problems.append(f"{name} must be one of {', '.join(choices)}, not {value!r}")
            return choices[0]
        return value

    def number(self, name: str, *, default: int | None, low: int, high: int) -> int | None:
        value = self.text(name)
        if value is None:
            return default
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self._problems.append(f"{name} must be a whole number from {low} to {high}, not {value!r}")
            return default
        return int(value)

    def time_zone(self, name: str, *, default: str) -> str:
        value = self.text(name) or default
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self._problems.append(f"{name} must be an IANA time zone such as {default}, not {value!r}")
            return default
        return value

    def environment(self) -> Environment:
        choices = ("production", "development") if is_production(self._environ) else ("development", "production")
        return cast("Environment", self.choice("PETERENTAL_ENV", choices))

    def database_url(self, name: str) -> str | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            well_formed = parts.scheme in {"postgres", "postgresql"} and (parts.port is None or parts.port > 0)
        except ValueError:
            well_formed = False
        if not well_formed:
            self._problems.append(f"{name} must look like postgresql://user:password@host:5432/name")
            return None
        return value

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

    def _has_problem(self, name: str) -> bool:
        return any(problem.startswith(f"{name} ") for problem in self._problems)

    def finish(self) -> None:
        if self._problems:
            raise ConfigError(problems="; ".join(self._problems))
