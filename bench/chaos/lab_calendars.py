"""The calendars of some of the agents: connected to stand-ins, read by workers of jobs, and lived in by their owners.

Time passes faster for them: in every second of the lab, readings, waiting jobs and throttled accounts grow a minute
older. This is done to the rows, since the clocks of the server and of the processes are not ours to change.
"""

from __future__ import annotations

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psycopg

from bench.calendars.accounts import KEY, connect
from bench.chaos.people import GoogleCalendar, MicrosoftCalendar, Owner, People, PersonsCalendar
from bench.chaos.stand_ins import Mishap, StandIns
from peterental.calendars.source import Tokens
from tests.servers import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from bench.chaos.postgres import LabPostgres

GOOGLE_AGENTS = 3
MICROSOFT_AGENT = 3
MAILBOX = "ada@office.example"

SPEED = 60
"""How many seconds pass for calendars in one."""

MAX_AGE_MINUTES = 10
TICK_S = 0.5
FAULT_S = 2.5
FAILING_SHARE = 0.7
DRAIN_TIMEOUT_S = 300.0

TROUBLE: dict[str, tuple[Mishap, ...]] = {
    "calendars hang": ("hang", "late"),
    "calendars answer 503": ("unavailable", "refuse"),
    "calendars send nonsense": ("lie", "spoil"),
    "calendars throttle": ("throttle",),
    "calendars lose answers after committing": ("lose",),
    "calendars forget tokens and cursors": ("expire",),
    "calendars do all of this": ("hang", "late", "unavailable", "lie", "spoil", "throttle", "lose", "expire", "refuse"),
}
"""What providers do wrong, by the fault's name in the report."""

SMALL_PAGES = "calendars send small and empty pages"

# A lease is held for three minutes, so that no exchange outlives it. No exchange of the lab takes longer than a fault.
# Every change of a reading's time is kept, for the checks.
_SCHEMA = """
    CREATE FUNCTION chaos_lease() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.leased_until IS NOT NULL THEN
            NEW.leased_until := LEAST(NEW.leased_until, NOW() + INTERVAL '20 seconds');
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER chaos_lease BEFORE UPDATE OF leased_until ON calendar_accounts
        FOR EACH ROW EXECUTE FUNCTION chaos_lease();
    CREATE TABLE chaos_readings (
        agent_id TEXT NOT NULL, at TIMESTAMPTZ NOT NULL, old_read_at TIMESTAMPTZ, read_at TIMESTAMPTZ NOT NULL
    );
    CREATE FUNCTION chaos_reading() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos_readings VALUES (NEW.agent_id, clock_timestamp(), OLD.read_at, NEW.read_at);
        RETURN NULL;
    END $$;
    CREATE TRIGGER chaos_reading AFTER UPDATE OF read_at ON calendars
        FOR EACH ROW EXECUTE FUNCTION chaos_reading();
"""
_TICK = (
    "UPDATE calendar_accounts SET retry_at = retry_at - %(passed)s WHERE retry_at > NOW()",
    """
    UPDATE procrastinate_jobs SET scheduled_at = scheduled_at - %(passed)s
    WHERE status = 'todo' AND scheduled_at > NOW()
    """,
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW('sync_calendars', 'sync_calendars', 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1
    ])
    WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = 'sync_calendars' AND status = 'todo')
    """,
    """
    UPDATE calendars SET read_at = read_at - %(passed)s, read_whole_at = read_whole_at - %(passed)s
    WHERE read_at IS NOT NULL
    """,
)
"""The readings come last: what they were is recorded as they change, and others see it after the commit."""

_UNREAD = "SELECT COUNT(*) FROM calendars WHERE read_at IS NULL"
_WAITING = "SELECT COUNT(*) FROM calendar_viewings WHERE version <> written_version"
_NOT_READ_SINCE = """
    SELECT COUNT(*) FROM calendars
    WHERE NOT EXISTS (
        SELECT FROM chaos_readings AS reading
        WHERE reading.agent_id = calendars.agent_id AND reading.read_at > %s AND reading.old_read_at < reading.read_at
    )
"""
_CHECKING = """
    SELECT COUNT(*) FROM procrastinate_jobs
    WHERE task_name IN ('check_viewing', 'write_viewing', 'write_viewings', 'delete_stray_event')
        AND status IN ('todo', 'doing')
"""


class NotDrained(Exception):
    """The calendars do not become what they should be."""


class LabCalendars:
    """The calendars of the lab's agents.

    Args:
        postgres: the database of the agents.
        seed: of the faults and of what people do.

    Attributes:
        settings: of an application with these calendars.
        owners: the agents who have one, once they are connected.
    """

    def __init__(self, postgres: LabPostgres, seed: int) -> None:
        self._postgres = postgres
        self._seed = seed
        self._chance = random.Random(f"{seed} providers")  # noqa: S311  # repeatable, not secret
        self._lock = threading.Lock()
        self.stand_ins = StandIns(MAILBOX)
        self.settings = {
            **self.stand_ins.settings,
            "CREDENTIALS_KEY": KEY,
            "CALENDAR_MAX_AGE_MINUTES": str(MAX_AGE_MINUTES),
            "JOBS": "1",
        }
        self.owners: list[Owner] = []
        self._people: People | None = None
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._pass_time)

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        """What the providers do wrong, by its name in the report."""
        found: dict[str, Callable[[], None]] = {
            name: partial(self._trouble, mishaps) for name, mishaps in TROUBLE.items()
        }
        return found | {SMALL_PAGES: self._send_small_pages}

    def connect(self, slots: list[datetime], zone: ZoneInfo) -> None:
        """Connect calendars with events to the first agents, and wait until each was read.

        Args:
            slots: the starts that callers ask for, on the agents' wall clock.
            zone: of the agents.
        """
        moments = [slot.replace(tzinfo=zone).astimezone(UTC) for slot in slots]
        with self._postgres.connect() as connection:
            connection.execute(_SCHEMA)
            row = connection.execute("SELECT namespace FROM installation").fetchone()
            namespace = str(row[0]) if row else ""
            for number in range(GOOGLE_AGENTS + 1):
                agent_id = f"agent-{number}"
                kind, name, remote_id, tokens, calendar = self._account(number)
                owner = Owner(agent_id, calendar, moments, self._random(agent_id), namespace)
                owner.fill()
                self.owners.append(owner)
                connect(connection, agent_id, kind=kind, name=name, remote_id=remote_id, tokens=tokens)
        self._clock.start()
        until(lambda: not self._count(_UNREAD), "every calendar is read")
        self._people = People(self.owners)
        self._people.start()

    def _account(self, number: int) -> tuple[str, str, str, Tokens, PersonsCalendar]:
        """Return kind, name, the calendar's id, tokens and the calendar of an agent's new account."""
        if number == MICROSOFT_AGENT:
            graph = self.stand_ins.graph
            return "microsoft", MAILBOX, graph.mailbox.default, graph.login.tokens(), MicrosoftCalendar(self.stand_ins)
        email = f"agent-{number}@example.com"
        calendar = GoogleCalendar(self.stand_ins, email)
        return "google", email, email, self.stand_ins.google.sign_in(email), calendar

    def _random(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} {name}")  # noqa: S311  # repeatable, not secret

    # --- faults ------------------------------------------------------------------------------------------------------

    def _trouble(self, mishaps: tuple[Mishap, ...]) -> None:
        def choose() -> Mishap | None:
            with self._lock:
                return self._chance.choice(mishaps) if self._chance.random() < FAILING_SHARE else None

        self.stand_ins.misbehave(choose)
        time.sleep(FAULT_S)
        self.stand_ins.calm()

    def _send_small_pages(self) -> None:
        self.stand_ins.send_small_pages()
        time.sleep(FAULT_S)
        self.stand_ins.calm()

    # --- the end -----------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Let people rest and providers answer, and wait until every job is done. Raises NotDrained."""
        self.stand_ins.calm()
        if self._people is not None:
            self._people.stop()
        self._wait("no viewing waits", lambda: not self._count(_WAITING))
        since = datetime.now(UTC)
        self._wait("every calendar is read again", lambda: not self._count(_NOT_READ_SINCE, since))
        self._wait("every event is looked for", lambda: not self._count(_CHECKING))

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the time, the people and the stand-ins."""
        self._over.set()
        if self._clock.is_alive():
            self._clock.join()
        if self._people is not None:
            self._people.stop()
        self.stand_ins.close()

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + DRAIN_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise NotDrained(what)
            time.sleep(TICK_S)

    def _count(self, query: str, *values: object) -> int:
        with self._postgres.connect() as connection:
            row = connection.execute(query.encode(), values or None).fetchone()
        return int(str(row[0])) if row else 0

    # --- time --------------------------------------------------------------------------------------------------------

    def _pass_time(self) -> None:
        """Make what is stored older, by the time that passed since the last tick. Waits out a missing database."""
        last_s = time.monotonic()
        while not self._over.wait(TICK_S):
            now_s = time.monotonic()
            passed = timedelta(seconds=(now_s - last_s) * (SPEED - 1))
            try:
                with self._postgres.connect() as connection, connection.transaction():
                    for statement in _TICK:
                        connection.execute(statement, {"passed": passed} if "%(" in statement else None)
            except psycopg.Error:
                continue  # it passes with the next tick
            last_s = now_s
