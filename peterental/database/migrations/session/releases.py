"""Which release a session of the application belongs to: its name shows the newest migration that the release ships.

`EngineSettings.session_name` makes the names: `peterental/016`, or `peterental/016 deploy` if a session has a purpose.
`pg_stat_activity` shows them to every role, so reading them needs no privilege.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from peterental.database.migrations.session.server import Connection
from peterental.database.migrations.wording import plural

ENGINE_PURPOSE = "migrations"
"""The first word after the name of the engine's own sessions. They read none of the application's tables."""

_SHOWN = 3


@dataclass(frozen=True)
class OlderSession:
    """A session of an older release of the application.

    Args:
        pid: of its server process.
        name: its application_name.
        host: the client's address; None for a local socket, and where the role may not see it.
        since: when it connected, in UTC; None where the role may not see it.
        release: the newest migration that its release ships; None if its name does not say so.
    """

    pid: int
    name: str
    host: str | None
    since: datetime | None
    release: int | None

    def __str__(self) -> str:
        start = (
            ""
            if self.since is None
            else f", from {self.host or 'this machine'}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        )
        release = f"release {self.release:03d}" if self.release is not None else "a release that its name does not tell"
        return f"{self.name} (pid {self.pid}{start}, {release})"


def older_sessions(connection: Connection, application: str, version: int) -> list[OlderSession]:
    """Return the application's sessions in this database whose release does not ship migration `version`.

    A session whose name has no number, or one that cannot be a migration's, counts as older: it may be.
    The engine's own sessions do not count.

    Args:
        connection: any connection to the database.
        application: the application's name, with which the names of its sessions begin.
        version: of the migration.
    """
    rows = connection.execute(
        """
        SELECT pid, application_name AS name, host(client_addr) AS host, backend_start AT TIME ZONE 'UTC' AS since
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND starts_with(application_name, %s)
        ORDER BY backend_start, pid
        """,
        (application,),
    ).fetchall()
    found = [(OlderSession(**row, release=release_of(row["name"], application)), row["name"]) for row in rows]
    return [
        session
        for session, name in found
        if _is_application(name, application) and (session.release is None or session.release < version)
    ]


def sessions_text(sessions: list[OlderSession]) -> str:
    """Return the sessions as part of a sentence; of many, the first three."""
    shown = "; ".join(str(session) for session in sessions[:_SHOWN])
    more = f"; and {len(sessions) - _SHOWN} more" if len(sessions) > _SHOWN else ""
    return f"{len(sessions)} {plural(len(sessions), 'session')} of older releases: {shown}{more}"


def incomplete_backfill_text(version: int) -> str:
    """Return what a file that needs a backfill waits for, as part of a sentence."""
    return f"backfill {version:03d}, which is not complete"


def release_of(name: str, application: str) -> int | None:
    """Return the release in an application_name; None if there is none that can be a migration's number."""
    match = re.match(rf"{re.escape(application)}/(?P<release>[0-9]{{1,9}})(?: |$)", name, re.ASCII)
    return int(match["release"]) if match else None


def _is_application(name: str, application: str) -> bool:
    """Return whether the name is the application's, and not that of the engine or of another program."""
    rest = name.removeprefix(application)
    if rest and rest[0] not in "/ ":
        return False
    purpose = rest.partition(" ")[2]
    return purpose.partition(" ")[0] != ENGINE_PURPOSE
