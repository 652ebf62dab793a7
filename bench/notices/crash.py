"""Workers that are killed with -9 at random moments while they send."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import psycopg

from bench.notices.lab import AGENT, DAYTIME, VIEWINGS, Provider, migrated, worker
from bench.section import Bench
from bench.server import Server, ask
from bench.table import Promise, Table

_NOTICES = 10_000
_QUICK_NOTICES = 50
_KILLS = 100
_QUICK_KILLS = 1
_SENDS_AT_MOST_S = 2.0
_STARTS_AT_MOST_S = 60.0
_TIMEOUT_S = 1800.0
_POLL_S = 0.5
_OPEN = "SELECT COUNT(*) FROM notices WHERE state <> 'sent'"
_CUT_OFF = "SELECT COUNT(*) FROM notices WHERE state = 'sending'"

_WRITE = """
    WITH written AS (
        INSERT INTO notices (appointment_id, agent_id, kind, channel, audience, recipient, expires_at)
        SELECT id, agent_id, 'booked', 'text', 'visitor', attendee_phone, start_time FROM appointments
        RETURNING appointment_id
    )
    SELECT COUNT(procrastinate_defer_jobs_v1(ARRAY[ROW(
        'send_notices', 'send_notices', 0, NULL, NULL, jsonb_build_object('appointment_id', appointment_id), NULL
    )::procrastinate_job_to_defer_v1]))
    FROM written
"""


def measure(bench: Bench, server: Server) -> Iterator[Table]:
    """Kill one worker after the other, then let the last one finish."""
    number, kills = (_QUICK_NOTICES, _QUICK_KILLS) if bench.quick else (_NOTICES, _KILLS)
    url, provider = migrated(server), Provider(bench.folder / "killed.txt")
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(AGENT)
        db.execute(DAYTIME)
        db.execute(VIEWINGS, {"viewings": number, "ahead": "20 days"})
        db.execute(_WRITE)
        db.execute("VACUUM ANALYZE")
    moments = random.Random(7)  # noqa: S311 - a fixed seed
    cut_off = done = 0
    while done < kills and ask(url, _OPEN):
        with worker(url, provider) as process:
            _until_it_sends(provider)
            time.sleep(moments.uniform(0, _SENDS_AT_MOST_S))
            process.kill()
        done += 1
        cut_off += int(str(ask(url, _CUT_OFF)))
    began_s = time.monotonic()
    with worker(url, provider):
        while ask(url, _OPEN) and time.monotonic() < began_s + _TIMEOUT_S:
            time.sleep(_POLL_S)
    last_s = time.monotonic() - began_s
    taken, still_open = provider.taken, ask(url, _OPEN)
    twice = taken.total() - len(taken)
    is_whole = (len(taken), twice, still_open) == (number, 0, 0)
    yield Table(
        "Notices under kill -9",
        f"{number:,} texts; {done} workers, each killed up to {_SENDS_AT_MOST_S:.0f} s after its first text;"
        " then one that stays. What was being sent at a kill counts as cut off until a worker looks it up.",
        ("notices", "kills", "cut off, summed over the kills", "sent", "sent twice", "not sent", "last worker"),
        [(f"{number:,}", f"{done}", f"{cut_off}", f"{len(taken):,}", f"{twice}", f"{still_open}", f"{last_s:.0f} s")],
        [
            Promise(
                f"{done} workers killed over {number:,} notices",
                f"{len(taken):,} sent, {twice} twice",
                f"{number:,} sent, 0 twice",
                is_whole,
            )
        ],
    )


def _until_it_sends(provider: Provider) -> None:
    """Wait until one more text is sent; a worker that finds nothing to send for a minute is killed anyway."""
    before, ends_s = provider.taken.total(), time.monotonic() + _STARTS_AT_MOST_S
    while provider.taken.total() == before and time.monotonic() < ends_s:
        time.sleep(_POLL_S / 10)
