"""Faults of the development server that an operator has to resolve."""

from peterental.errors import Fault


class ServerNotInstalled(Fault):
    """There is no database: set DATABASE_URL or run `pip install -r requirements-dev.txt` for a development server."""


class BelongsToAnother(Fault):
    """The development database in {home} belongs to {owner}: run as {owner}, or set DATABASE_URL."""


class FolderUnusable(Fault):
    """The development database in {home} cannot be used: {reason}."""


class NoAccount(Fault):
    """PostgreSQL does not run as root and there is no account {names}: run as an ordinary user, or set DATABASE_URL."""


class PasswordLost(Fault):
    """The password of the development database is missing: restore {password}, or delete {data} to start new."""


class OtherVersion(Fault):
    """{data} is of PostgreSQL {found} but the server is {installed}: nothing was changed; delete it to start new."""


class NotCreated(Fault):
    """The development database in {home} could not be created: {reason} (more in {log})."""


class NotStarted(Fault):
    """The development database in {home} did not start: {reason} (more in {log})."""


class StillBusy(Fault):
    """Another process has been starting or stopping the development database in {home} for over {seconds} s."""
