"""Connected calendars and the busy times read from them, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from peterental.agents.working_hours.calendar_busy_repository import CalendarBusyRepository, CalendarBusyTime
from peterental.calendars.account import Account, Calendar
from peterental.calendars.lookup import CALENDAR_AGE, calendar_age
from peterental.calendars.model import LONGEST_KEY, Reading, RemoteCalendar

if TYPE_CHECKING:
    import psycopg
    from psycopg.rows import DictRow

    from peterental.calendars.account import CalendarAge
    from peterental.calendars.model import CalendarKind
    from peterental.database.connect import Connection
    from peterental.database.pool import Database

LEASE = timedelta(minutes=3)
"""Longer than any exchange with a provider may take: a process that was killed holds an account no longer."""

LONGEST_PAUSE = timedelta(hours=1)
"""For how long a provider can ask to be left alone, as in `http.LONGEST_PAUSE_S`."""

_ACCOUNT = """
    account_id, agent_id, kind, name, credentials, state, keeps_titles, problem, failed_since, failures, retry_at,
    connected_at, connected_by
"""
_CALENDAR = """
    calendar_id, account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings, read_cursor,
    read_at, read_whole_at, read_until, read_zone, notes,
    CASE WHEN read_at < clock_timestamp() + INTERVAL '1 minute' THEN
        EXTRACT(EPOCH FROM clock_timestamp() - read_at)::float8
    END AS age_s
"""

_ONE_ACCOUNT = f"SELECT {_ACCOUNT} FROM calendar_accounts WHERE account_id = %s"
_ACCOUNTS_OF_AGENT = f"SELECT {_ACCOUNT} FROM calendar_accounts WHERE agent_id = %s ORDER BY account_id"
_CALENDARS_OF_ACCOUNT = f"SELECT {_CALENDAR} FROM calendars WHERE account_id = %s ORDER BY name, calendar_id"
_AGE = f"SELECT age.* FROM (SELECT %s::text AS agent_id) AS agent CROSS JOIN LATERAL ({CALENDAR_AGE}) AS age"


@dataclass(frozen=True)
class Lease:
    """The right to speak to the provider of one account, until it ends or is returned.

    Args:
        account: as it was when the lease began.
        token: identifies the lease.
        started_at: when it began, by the database's clock, UTC.
    """

    account: Account
    token: UUID
    started_at: datetime

    @property
    def is_throttled(self) -> bool:
        """Whether the provider asked to be left alone for longer."""
        retry_at = self.account.retry_at
        return retry_at is not None and self.started_at < retry_at <= self.started_at + LONGEST_PAUSE


class CalendarRepository:
    """The calendars of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._busy = CalendarBusyRepository(database)

    def namespace(self) -> str:
        """Return the namespace of this installation's events."""
        return str(self._database.fetch("SELECT namespace FROM installation")[0]["namespace"])

    # --- accounts ----------------------------------------------------------------------------------------------------

    def accounts(self, agent_id: str) -> list[Account]:
        """Return the accounts of an agent, the oldest first."""
        return [Account(**row) for row in self._database.fetch(_ACCOUNTS_OF_AGENT, (agent_id,))]

    def read_accounts(self, connection: Connection, agent_id: str) -> list[Account]:
        """Return what `accounts` does, as the transaction sees it. Waits for the server."""
        return [Account(**row) for row in connection.execute(_ACCOUNTS_OF_AGENT.encode(), (agent_id,)).fetchall()]

    def all_accounts(self) -> list[Account]:
        """Return the accounts of all agents, by agent."""
        query = f"SELECT {_ACCOUNT} FROM calendar_accounts ORDER BY agent_id, account_id"
        return [Account(**row) for row in self._database.fetch(query)]

    def account(self, account_id: int) -> Account | None:
        """Return one account."""
        rows = self._database.fetch(_ONE_ACCOUNT, (account_id,))
        return Account(**rows[0]) if rows else None

    def read_account(self, connection: Connection, account_id: int) -> Account | None:
        """Return what `account` does, as the transaction sees it. Waits for the server."""
        row = connection.execute(_ONE_ACCOUNT.encode(), (account_id,)).fetchone()
        return Account(**row) if row else None

    def calendars(self, agent_id: str) -> list[Calendar]:
        """Return the calendars of all accounts of an agent, in the order of their accounts and names."""
        query = f"SELECT {_CALENDAR} FROM calendars WHERE agent_id = %s ORDER BY account_id, name, calendar_id"
        return [_calendar(row) for row in self._database.fetch(query, (agent_id,))]

    def calendars_of(self, account_id: int) -> list[Calendar]:
        """Return the calendars of one account."""
        return [_calendar(row) for row in self._database.fetch(_CALENDARS_OF_ACCOUNT, (account_id,))]

    def read_calendars_of(self, connection: Connection, account_id: int) -> list[Calendar]:
        """Return what `calendars_of` does, as the transaction sees it. Waits for the server."""
        rows = connection.execute(_CALENDARS_OF_ACCOUNT.encode(), (account_id,)).fetchall()
        return [_calendar(row) for row in rows]

    def receiving(self, agent_id: str) -> Calendar | None:
        """Return the calendar into which the viewings of an agent are written."""
        query = f"SELECT {_CALENDAR} FROM calendars WHERE agent_id = %s AND receives_viewings"
        rows = self._database.fetch(query, (agent_id,))
        return _calendar(rows[0]) if rows else None

    def calendar(self, calendar_id: int) -> Calendar | None:
        """Return one calendar."""
        rows = self._database.fetch(f"SELECT {_CALENDAR} FROM calendars WHERE calendar_id = %s", (calendar_id,))
        return _calendar(rows[0]) if rows else None

    def add_account(
        self, connection: Connection, agent_id: str, *, kind: CalendarKind, name: str, credentials: str, actor: str
    ) -> psycopg.Cursor[DictRow]:
        """Queue adding an account; the cursor returns its `account_id`."""
        return connection.execute(
            """
            INSERT INTO calendar_accounts (agent_id, kind, name, credentials, connected_by)
            VALUES (%s, %s, %s, %s, %s)
            RETURNING account_id
            """,
            (agent_id, kind, name, credentials, actor),
        )

    def reconnect(self, connection: Connection, account_id: int, name: str, credentials: str, actor: str) -> None:
        """Queue new credentials of an account, with which its trouble is over, and its name if it had none."""
        connection.execute(
            """
            UPDATE calendar_accounts
            SET name = %s, credentials = %s, state = 'connected', problem = NULL, failed_since = NULL, failures = 0,
                retry_at = NULL, connected_at = NOW(), connected_by = %s
            WHERE account_id = %s
            """,
            (name, credentials, actor, account_id),
        )

    def set_calendars(
        self, connection: Connection, account_id: int, agent_id: str, found: Sequence[RemoteCalendar]
    ) -> None:
        """Queue storing which calendars an account has. What was chosen for those that are known already stays."""
        connection.execute(
            """
            INSERT INTO calendars (account_id, agent_id, remote_id, name, is_writable)
            SELECT %s, %s, remote_id, name, is_writable
            FROM unnest(%s::text[], %s::text[], %s::boolean[]) AS found (remote_id, name, is_writable)
            ON CONFLICT (account_id, remote_id) DO UPDATE
            SET name = EXCLUDED.name, is_writable = EXCLUDED.is_writable OR calendars.receives_viewings
            """,
            (
                account_id,
                agent_id,
                [calendar.remote_id for calendar in found],
                [calendar.name.replace("\x00", "") for calendar in found],
                [calendar.is_writable for calendar in found],
            ),
        )

    def lock_agent_calendars(self, connection: Connection, agent_id: str) -> None:
        """Queue locking an agent's accounts, so that they are connected, chosen and disconnected one at a time.

        An agent without an account has no row to lock: of two who connect the first one, the second has to see it.
        """
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 24))", (agent_id,))
        connection.execute(
            "SELECT FROM calendar_accounts WHERE agent_id = %s ORDER BY account_id FOR UPDATE", (agent_id,)
        )

    def choose_blocking(
        self, connection: Connection, account_id: int, remote_ids: Sequence[str], ignored: Sequence[int] = ()
    ) -> None:
        """Queue choosing which calendars of an account take the agent's time.

        Args:
            connection: of the transaction.
            account_id: which account.
            remote_ids: of the calendars whose events take time.
            ignored: the ids of the others, whose busy times are deleted.
        """
        # A calendar that begins to block has no busy times yet, and a cursor would bring the changed ones only.
        connection.execute(
            """
            UPDATE calendars SET blocks = NOT blocks, read_cursor = NULL, read_at = NULL, read_whole_at = NULL
            WHERE account_id = %s AND blocks <> (remote_id = ANY(%s::text[]))
            """,
            (account_id, list(remote_ids)),
        )
        connection.execute(
            """
            UPDATE calendars SET read_cursor = NULL, read_at = NULL, read_whole_at = NULL
            WHERE account_id = %s AND NOT blocks AND NOT receives_viewings
            """,
            (account_id,),
        )
        self._busy.delete(connection, ignored)

    def choose_receiving(self, connection: Connection, agent_id: str, calendar_id: int | None) -> None:
        """Queue choosing the calendar of an agent that receives viewings; None for none."""
        connection.execute(
            "UPDATE calendars SET receives_viewings = FALSE WHERE agent_id = %s AND calendar_id IS DISTINCT FROM %s",
            (agent_id, calendar_id),
        )
        connection.execute(
            "UPDATE calendars SET receives_viewings = TRUE WHERE agent_id = %s AND calendar_id = %s",
            (agent_id, calendar_id),
        )

    def receive_by_default(self, connection: Connection, account_id: int, remote_id: str) -> None:
        """Queue choosing a calendar to receive viewings if it is writable and no other calendar of the agent does."""
        connection.execute(
            """
            UPDATE calendars SET receives_viewings = TRUE
            WHERE account_id = %s AND remote_id = %s AND is_writable
                AND NOT EXISTS (
                    SELECT FROM calendars AS other
                    WHERE other.agent_id = calendars.agent_id AND other.receives_viewings
                )
            """,
            (account_id, remote_id),
        )

    def receive_nothing(self, connection: Connection, account_id: int) -> None:
        """Queue that no calendar of an account receives viewings."""
        connection.execute("UPDATE calendars SET receives_viewings = FALSE WHERE account_id = %s", (account_id,))

    def set_keeps_titles(
        self, connection: Connection, account_id: int, calendar_ids: Sequence[int], *, keeps_titles: bool
    ) -> None:
        """Queue whether titles of events are stored. The next reading is a whole one.

        Args:
            connection: of the transaction.
            account_id: which account.
            calendar_ids: of all its calendars.
            keeps_titles: False also deletes those that are stored.
        """
        connection.execute(
            "UPDATE calendar_accounts SET keeps_titles = %s WHERE account_id = %s", (keeps_titles, account_id)
        )
        connection.execute("UPDATE calendars SET read_cursor = NULL WHERE account_id = %s", (account_id,))
        if not keeps_titles:
            self._busy.delete_titles(connection, calendar_ids)

    def set_trusts_stale(self, connection: Connection, agent_id: str, *, trusts_stale: bool) -> bool:
        """Set whether an agent offers times while a calendar cannot be read.

        Returns whether that is a change: an agent without the setting does not offer them. Waits for the server, and
        for another transaction that sets it.
        """
        changed = connection.execute(
            """
            INSERT INTO agent_calendar_settings AS stored (agent_id, trusts_stale)
            SELECT %(agent_id)s::text, %(trusts_stale)s
            WHERE %(trusts_stale)s OR EXISTS (SELECT FROM agent_calendar_settings WHERE agent_id = %(agent_id)s::text)
            ON CONFLICT (agent_id) DO UPDATE SET trusts_stale = EXCLUDED.trusts_stale
            WHERE stored.trusts_stale <> EXCLUDED.trusts_stale
            RETURNING stored.agent_id
            """,
            {"agent_id": agent_id, "trusts_stale": trusts_stale},
        )
        return changed.fetchone() is not None

    def age(self, agent_id: str) -> CalendarAge | None:
        """Return how old the busy times of an agent are; None if no calendar takes the agent's time."""
        return calendar_age(self._database.fetch(_AGE, (agent_id,))[0])

    def trusts_stale(self, agent_id: str) -> bool:
        """Return whether an agent offers times while a calendar cannot be read."""
        query = "SELECT trusts_stale FROM agent_calendar_settings WHERE agent_id = %s"
        rows = self._database.fetch(query, (agent_id,))
        return bool(rows and rows[0]["trusts_stale"])

    def remove_account(self, connection: Connection, account_id: int) -> None:
        """Queue deleting an account, its calendars and their busy times."""
        connection.execute("DELETE FROM calendar_accounts WHERE account_id = %s", (account_id,))

    # --- reading -----------------------------------------------------------------------------------------------------

    def due_accounts(self, interval: timedelta, retry_lost_after: timedelta) -> list[int]:
        """Return the ids of accounts that have to be read now, those read longest ago first.

        A time that lies further ahead than it was ever set is of before the clock was set back: it holds up nothing.

        Args:
            interval: how often an account is read.
            retry_lost_after: how often one is tried whose sign-in was refused.
        """
        rows = self._database.fetch(
            """
            SELECT account.account_id
            FROM calendar_accounts AS account
            JOIN LATERAL (
                SELECT MIN(COALESCE(read_at, 'epoch')) AS read_at, MAX(read_at) AS latest_read_at
                FROM calendars
                WHERE calendars.account_id = account.account_id AND (blocks OR receives_viewings)
            ) AS oldest ON oldest.read_at IS NOT NULL
            WHERE (oldest.read_at < NOW() - %(interval)s::interval OR latest_read_at > NOW() + INTERVAL '1 minute')
                AND (retry_at IS NULL OR retry_at < NOW() OR retry_at > NOW() + %(longest)s::interval)
                AND (leased_until > NOW() AND leased_until <= NOW() + %(lease)s::interval) IS NOT TRUE
                AND (
                    state = 'connected' OR attempted_at IS NULL
                    OR attempted_at NOT BETWEEN NOW() - %(lost)s::interval AND NOW()
                )
            ORDER BY oldest.read_at
            """,
            {"interval": interval, "lost": retry_lost_after, "lease": LEASE, "longest": LONGEST_PAUSE},
        )
        return [row["account_id"] for row in rows]

    def failing(self, before: datetime) -> list[Account]:
        """Return the accounts that a person must connect again, or that have failed since a moment or longer."""
        rows = self._database.fetch(
            f"""
            SELECT {_ACCOUNT}
            FROM calendar_accounts
            WHERE failed_since IS NOT NULL AND (failed_since <= %s OR state = 'reauth_required')
            ORDER BY account_id
            """,
            (before,),
        )
        return [Account(**row) for row in rows]

    def is_failing(self, connection: Connection, account_id: int) -> bool:
        """Return whether the last attempt to use an account failed. Waits for the server."""
        query = "SELECT FROM calendar_accounts WHERE account_id = %s AND failed_since IS NOT NULL"
        return connection.execute(query, [account_id]).fetchone() is not None

    def claim(self, account_id: int, token: UUID) -> Lease | None:
        """Take the lease of an account; None if another process has it, or the account is gone.

        One that lasts for longer than any lease was taken before the clock was set back: its end says nothing.
        """
        rows = self._database.fetch(
            f"""
            UPDATE calendar_accounts
            SET lease_token = %(token)s, leased_until = NOW() + %(lease)s::interval, attempted_at = NOW()
            WHERE account_id = %(account_id)s
                AND (leased_until >= NOW() AND leased_until <= NOW() + %(lease)s::interval) IS NOT TRUE
            RETURNING {_ACCOUNT}, NOW() AS started_at
            """,
            {"token": token, "lease": LEASE, "account_id": account_id},
        )
        if not rows:
            return None
        started_at = rows[0].pop("started_at")
        return Lease(Account(**rows[0]), token, started_at)

    def release(self, lease: Lease) -> None:
        """Return a lease, unless it ended."""
        self._database.fetch(
            "UPDATE calendar_accounts SET lease_token = NULL, leased_until = NULL WHERE lease_token = %s",
            (lease.token,),
        )

    def holds(self, connection: Connection, lease: Lease) -> bool:
        """Return whether a lease is still held, and lock its account until the transaction ends."""
        row = connection.execute(
            "SELECT 1 AS held FROM calendar_accounts WHERE account_id = %s AND lease_token = %s FOR NO KEY UPDATE",
            (lease.account.account_id, lease.token),
        ).fetchone()
        return row is not None

    def is_as_chosen(self, connection: Connection, lease: Lease, calendar: Calendar) -> bool:
        """Return whether nothing was chosen differently since a reading of a calendar began.

        Args:
            connection: of the transaction, in which `holds` has locked the account: choices wait for it.
            lease: of the reading.
            calendar: as it was when the reading began.
        """
        row = connection.execute(
            """
            SELECT 1 AS same
            FROM calendars JOIN calendar_accounts USING (account_id)
            WHERE calendar_id = %s AND blocks = %s AND keeps_titles = %s AND read_cursor IS NOT DISTINCT FROM %s
            """,
            (calendar.calendar_id, calendar.blocks, lease.account.keeps_titles, calendar.read_cursor),
        ).fetchone()
        return row is not None

    def save_credentials(self, lease: Lease, credentials: str) -> bool:
        """Store new credentials; return False, and store nothing, if the lease ended."""
        rows = self._database.fetch(
            """
            UPDATE calendar_accounts SET credentials = %s
            WHERE account_id = %s AND lease_token = %s
            RETURNING account_id
            """,
            (credentials, lease.account.account_id, lease.token),
        )
        return bool(rows)

    def save_reading(
        self,
        connection: Connection,
        lease: Lease,
        calendar: Calendar,
        reading: Reading,
        *,
        until: datetime,
        zone: str,
    ) -> None:
        """Queue storing what a calendar said, instead of what it said before. Manual busy times are never touched.

        Args:
            connection: of the transaction that holds the lease.
            lease: since when the reading is true.
            calendar: which was read.
            reading: what it said.
            until: the end of the window.
            zone: the agent's time zone.
        """
        self._busy.replace(
            connection,
            calendar.agent_id,
            calendar.calendar_id,
            _source(lease.account, calendar),
            _busy_times(reading, keeps_titles=lease.account.keeps_titles) if calendar.blocks else (),
            changed=None if reading.is_whole else [stored_key(key) for key in (*reading.busy, *reading.removed)],
        )
        connection.execute(
            """
            UPDATE calendars
            SET read_cursor = %(cursor)s, read_at = %(started_at)s,
                read_whole_at = CASE WHEN %(is_whole)s THEN %(started_at)s ELSE read_whole_at END,
                read_until = CASE WHEN %(is_whole)s THEN %(until)s ELSE read_until END,
                read_zone = CASE WHEN %(is_whole)s THEN %(zone)s ELSE read_zone END,
                notes = CASE WHEN %(is_whole)s THEN %(notes)s::text[] ELSE notes END
            WHERE calendar_id = %(calendar_id)s
            """,
            {
                "cursor": reading.cursor,
                "started_at": lease.started_at,
                "is_whole": reading.is_whole,
                "until": until,
                "zone": zone,
                "notes": [note.replace("\x00", "") for note in reading.notes],
                "calendar_id": calendar.calendar_id,
            },
        )

    def busy_counts(self, agent_id: str) -> dict[int, int]:
        """Return how many busy times of each calendar of an agent are stored."""
        return self._busy.counts(agent_id)

    def record_success(self, lease: Lease) -> None:
        """Record that the provider answered: whatever was wrong is over."""
        self._database.fetch(
            """
            UPDATE calendar_accounts
            SET state = 'connected', problem = NULL, failed_since = NULL, failures = 0, retry_at = NULL
            WHERE account_id = %s AND lease_token = %s
            """,
            (lease.account.account_id, lease.token),
        )

    def record_failure(
        self, lease: Lease, problem: str, *, access_lost: bool = False, retry_after: timedelta | None = None
    ) -> None:
        """Record why an attempt failed. What was read before stays.

        Args:
            lease: of the attempt.
            problem: a sentence for the agent.
            access_lost: whether the provider refused the sign-in.
            retry_after: how long the provider asks to be left alone.
        """
        self._database.fetch(
            """
            UPDATE calendar_accounts
            SET problem = %(problem)s, failed_since = COALESCE(failed_since, NOW()), failures = failures + 1,
                retry_at = NOW() + %(retry_after)s::interval,
                state = CASE WHEN %(access_lost)s THEN 'reauth_required' ELSE state END
            WHERE account_id = %(account_id)s AND lease_token = %(token)s
            """,
            {
                "problem": problem.replace("\x00", ""),
                "retry_after": retry_after,
                "access_lost": access_lost,
                "account_id": lease.account.account_id,
                "token": lease.token,
            },
        )

    # --- sign-ins at a provider --------------------------------------------------------------------------------------

    def begin_sign_in(self, state_hash: bytes, user_id: int, agent_id: str, kind: CalendarKind, verifier: str) -> None:
        """Store that a user was sent to a provider; those of more than an hour ago are deleted."""
        self._database.fetch(
            """
            WITH expired AS (DELETE FROM calendar_sign_ins WHERE created_at < NOW() - INTERVAL '1 hour')
            INSERT INTO calendar_sign_ins (state_hash, user_id, agent_id, kind, verifier)
            VALUES (%s, %s, %s, %s, %s)
            """,
            (state_hash, user_id, agent_id, kind, verifier),
        )

    def agent_of_sign_in(self, state_hash: bytes, user_id: int, kind: CalendarKind) -> str | None:
        """Return the agent of a sign-in that a user may still come back from; None if there is none."""
        rows = self._database.fetch(
            """
            SELECT agent_id FROM calendar_sign_ins
            WHERE state_hash = %s AND user_id = %s AND kind = %s AND created_at > NOW() - INTERVAL '1 hour'
            """,
            (state_hash, user_id, kind),
        )
        return rows[0]["agent_id"] if rows else None

    def end_sign_in(self, state_hash: bytes, user_id: int, kind: CalendarKind) -> tuple[str, str] | None:
        """Delete a sign-in that a user comes back from, and return its agent and verifier; None if there is none."""
        rows = self._database.fetch(
            """
            DELETE FROM calendar_sign_ins
            WHERE state_hash = %s AND user_id = %s AND kind = %s AND created_at > NOW() - INTERVAL '1 hour'
            RETURNING agent_id, verifier
            """,
            (state_hash, user_id, kind),
        )
        return (rows[0]["agent_id"], rows[0]["verifier"]) if rows else None


def _calendar(row: DictRow) -> Calendar:
    row["notes"] = tuple(row["notes"])
    return Calendar(**row)


def _source(account: Account, calendar: Calendar) -> str:
    """Return what a busy time is said to come from."""
    return calendar.name if calendar.name == account.name else f"{calendar.name} ({account.label})"


def _busy_times(reading: Reading, *, keeps_titles: bool) -> list[CalendarBusyTime]:
    """Return the busy times of a reading as they are stored."""
    return [
        CalendarBusyTime(
            event_key=stored_key(key),
            start=time.start,
            until=time.end,
            kind=time.kind,
            title=time.title.replace("\x00", "") if keeps_titles and time.title else None,
        )
        for key, times in reading.busy.items()
        for time in times
    ]


def stored_key(key: str) -> str:
    """Return the key of an event as it is stored: the beginning of a long one, with its hash."""
    key = key.replace("\x00", "")
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 64]}{sha256(key.encode()).hexdigest()}"
