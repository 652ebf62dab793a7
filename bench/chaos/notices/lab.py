"""The lab of notices: PeteRental, its servers and its people; the faults; the end at which everything settles."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import psycopg

from bench.chaos.callers import half_hours
from bench.chaos.faults import CUT
from bench.chaos.lab_agents import DAYS, ZONE
from bench.chaos.notices.agents import Agents, prepare
from bench.chaos.notices.check import NoticeCheck
from bench.chaos.notices.deck import Deck
from bench.chaos.notices.journal import Journal
from bench.chaos.notices.mail import MAIL_MISHAPS, LabMail
from bench.chaos.notices.periods import SUSPENDED_S
from bench.chaos.notices.record import SCHEMA
from bench.chaos.notices.reports import PLANS, Reports
from bench.chaos.notices.texts import LIST_MISHAPS, POST_MISHAPS, LabTwilio
from bench.chaos.notices.visitors import Visitors
from bench.chaos.notices.web import Web
from bench.chaos.postgres import LabPostgres
from bench.chaos.release import Release, settings_of
from bench.programs import PROJECT_DIR, Command, Running
from tests.notices.twilio_server import ACCOUNT, OFFICE, PUBLIC_URL, TOKEN
from tests.servers import until

VISITORS, LINES, WORKERS = 30, 2, 2
SHARES: Final = {"mail": 0.5, "posts": 0.4, "lists": 0.8, "reports": 0.7}
"""How many conversations, POSTs, look-ups and texts go wrong, from 0 to 1."""

FAULTS: Final = {
    "notices: their workers are killed with -9": "kill_workers",
    "notices: a worker is suspended until its claims have ended": "suspend_a_worker",
    "notices: a web worker is killed with -9": "kill_a_web_worker",
    "notices: PostgreSQL is killed with -9 and started again": "restart_postgres",
    "notices: all connections to PostgreSQL are cut": "cut_connections",
    "notices: the mail server refuses connections": "refuse_mail",
    "notices: Twilio refuses connections": "refuse_texts",
}
"""The methods of the lab that end processes and connections, by their names in the report."""

TICK_S = 0.5
AWAY_S = 1.0
FAULT_PAUSE_S = 0.7
DEALT_WITHIN_S, DEALT_WITHOUT_S = 120.0, 15.0
SETTLE_WITHIN_S = 90.0
POLL_S = 0.1

# What production does each minute.
_TICK = """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW(name, name, 0, NULL, NULL, '{}', NULL)::procrastinate_job_to_defer_v1
    ])
    FROM unnest(ARRAY['plan_notices', 'look_up_notices']) AS task (name)
    WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE task_name = name AND status = 'todo')
"""
_READY = "SELECT COUNT(*) FROM notice_channels"
_OPEN = "SELECT COUNT(*) FROM notices WHERE ended_at IS NULL"


class NoticeLab:
    """One PeteRental whose mail and texts go to servers that die and lie.

    Args:
        postgres: its database.
        seed: of everything that is chosen.
        without: the mechanism of `work` that is switched off; empty for none.

    Attributes:
        decks: of the mishaps, by what goes wrong.
        kills: how many workers of jobs were killed.
    """

    def __init__(self, postgres: LabPostgres, seed: int, without: str = "") -> None:
        self._postgres = postgres
        self._seed = seed
        self._without = without
        self._chance = self._random("faults")
        names = {"mail": MAIL_MISHAPS, "posts": POST_MISHAPS, "lists": LIST_MISHAPS, "reports": tuple(PLANS)}
        self.decks = {what: Deck(names[what], self._random(what), share) for what, share in SHARES.items()}
        self.journal = Journal()
        self.kills = 0
        self._stack = ExitStack()
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._tick)

    def _random(self, name: str) -> random.Random:
        return random.Random(f"{self._seed} notices {name}")  # noqa: S311  # repeatable, not secret

    def __enter__(self) -> Self:
        """Start everything, and wait until notices can be sent."""
        with ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._over.set()
        self._stack.close()

    def _start(self, stack: ExitStack) -> None:
        decks = self.decks
        self.mail = stack.enter_context(LabMail(decks["mail"], self.journal))
        self.twilio = stack.enter_context(
            LabTwilio(decks["posts"], decks["lists"], self.journal, self._random("Twilio"))
        )
        settings = {
            "PUBLIC_URL": PUBLIC_URL,
            "SMTP_URL": f"smtp://127.0.0.1:{self.mail.port}",
            "MAIL_FROM": "Norman Homes <office@example.com>",
            "TWILIO_ACCOUNT_SID": ACCOUNT,
            "TWILIO_AUTH_TOKEN": TOKEN,
            "TWILIO_FROM": OFFICE,
            "TWILIO_URL": self.twilio.url,
        }
        migrations = PROJECT_DIR / "migrations"
        self._web = Release(self._postgres.url, migrations, {**settings, "JOBS": "0"})
        stack.callback(self._web.kill)
        self._web.until_serving()
        assistants = prepare(self._postgres)
        with self._postgres.connect() as connection:
            connection.execute(SCHEMA)
        words = [sys.executable, "-m", "bench.chaos.notices.work", *([self._without] if self._without else [])]
        self._command = Command(words, {**settings_of(self._postgres.url, migrations), **settings})
        self._workers = [Running(self._command) for _ in range(WORKERS)]
        stack.callback(self._end_workers)
        until(lambda: self._count(_READY) == len(("email", "text")), "notices can be sent")
        slots = half_hours(datetime.now(ZONE) + timedelta(days=1), DAYS - 1)
        self.visitors = Visitors(
            self._web.port, self.twilio, assistants, slots, number=VISITORS, lines=LINES, seed=self._seed
        )
        self.agents = Agents(self._postgres, slots, self._seed)
        self.reports = Reports(Web(self._web.port), decks["reports"], self.journal, self._random("reports"))
        stack.callback(self.reports.close)
        self.twilio.on_taken, self.twilio.while_taking = self.reports.about, self.visitors.while_taking
        self._clock.start()
        stack.callback(self._clock.join)
        stack.callback(self._over.set)

    def _end_workers(self) -> None:
        for worker in self._workers:
            _end(worker)

    # --- faults ------------------------------------------------------------------------------------------------------

    @property
    def faults(self) -> dict[str, Callable[[], None]]:
        """What ends processes and connections, by its name in the report. Servers fail all the time."""
        return {name: getattr(self, method) for name, method in FAULTS.items()}

    def kill_workers(self) -> None:
        """Kill each worker of background jobs at a random moment, and start another."""
        for number, worker in enumerate(self._workers):
            time.sleep(self._chance.uniform(0, AWAY_S))
            _end(worker)
            self.kills += 1
            self._workers[number] = Running(self._command)

    def suspend_a_worker(self) -> None:
        """Suspend a worker for longer than its claims last, as a machine that is short of memory does."""
        worker = self._chance.choice(self._workers).process
        worker.send_signal(signal.SIGSTOP)
        time.sleep(SUSPENDED_S)
        worker.send_signal(signal.SIGCONT)

    def kill_a_web_worker(self) -> None:
        """Kill one worker of gunicorn; its master starts another."""
        workers = self._web.workers()
        if workers:
            self._web.kill_worker(self._chance.choice(sorted(workers)))

    def restart_postgres(self) -> None:
        """Kill the database server, and restart it after a while."""
        self._postgres.kill()
        time.sleep(AWAY_S)
        self._postgres.start()

    def cut_connections(self) -> None:
        """Terminate every database connection of the application."""
        with self._postgres.connect() as connection:
            connection.execute(CUT)

    def refuse_mail(self) -> None:
        """Let the mail server refuse connections for a while."""
        self.mail.go_down()
        time.sleep(AWAY_S)
        self.mail.come_up()

    def refuse_texts(self) -> None:
        """Let Twilio refuse connections for a while."""
        self.twilio.go_down()
        time.sleep(AWAY_S)
        self.twilio.come_up()

    # --- the run -----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Let people act, and servers fail."""
        for deck in self.decks.values():
            deck.open()
        self.visitors.start()
        self.agents.start()

    def until_all_is_dealt(self) -> None:
        """Wait until every mishap has happened, for a while: without a mechanism, some do not."""
        deadline_s = time.monotonic() + (DEALT_WITHOUT_S if self._without else DEALT_WITHIN_S)
        while self.missing and time.monotonic() < deadline_s:
            time.sleep(POLL_S)

    @property
    def missing(self) -> list[str]:
        """The mishaps that have not happened yet."""
        return [name for deck in self.decks.values() for name in deck.missing]

    def rest(self) -> None:
        """Let people rest. Raises what went wrong with them."""
        try:
            self.agents.stop()
        finally:
            self.visitors.stop()

    def settle(self) -> bool:
        """Let the servers answer, and wait until nothing is open; return whether that is reached."""
        self.decks["reports"].close()
        self.mail.calm()
        self.twilio.calm()
        deadline_s = time.monotonic() + SETTLE_WITHIN_S
        while self._count(_OPEN):
            if time.monotonic() > deadline_s:
                return False
            time.sleep(POLL_S)
        self.reports.wait()
        return True

    def check(self, connection: psycopg.Connection[Any]) -> NoticeCheck:
        """Return the check of what happened."""
        return NoticeCheck(
            connection,
            self.mail.taken,
            self.twilio.taken,
            self.reports.sent,
            self.visitors.visitors,
            self.journal,
            ZONE,
        )

    def _tick(self) -> None:
        """Defer what production does each minute. Waits out a missing database."""
        while not self._over.wait(TICK_S):
            with suppress(psycopg.Error), self._postgres.connect() as connection:
                connection.execute(_TICK)

    def _count(self, query: str) -> int:
        with self._postgres.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return int(str(row[0])) if row else 0


def _end(worker: Running) -> None:
    worker.kill()
    worker.outcome(1)
