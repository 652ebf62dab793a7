"""Compare the answers that callers heard with the database."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import psycopg

from bench.chaos.callers import Heard
from bench.chaos.phone import Tally


class ConsistencyCheck:
    """Finds every violated guarantee.

    Args:
        connection: to the database, after the last call.
        zone: the agents' time zone.
    """

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]], zone: ZoneInfo) -> None:
        self._connection = connection
        self._zone = zone

    def violations(self, heard: list[Heard], tally: Tally, shipped: int) -> list[str]:
        """Return the violations as sentences.

        Args:
            heard: the answers that each caller heard.
            tally: the counted answers.
            shipped: number of migrations that were deployed.
        """
        rows: dict[str, list[tuple[str, datetime]]] = {}
        for call_id, status, start in self._connection.execute(
            "SELECT vapi_call_id, status, start_time FROM appointments WHERE vapi_call_id IS NOT NULL"
        ):
            rows.setdefault(str(call_id), []).append((str(status), start))  # type: ignore[arg-type]
        broken = [sentence for call in heard for sentence in self._violations_of(call, rows.get(call.call_id, []))]
        others = {status: count for status, count in tally.answers.items() if status != 200}  # noqa: PLR2004
        if others:
            broken.append(f"answers other than 200: {others}")
        if tally.lost:
            broken.append(f"{tally.lost} messages were never answered")
        return broken + self._global_violations(heard, shipped)

    def violations_without_kills(self, tally: Tally, not_stored: int) -> list[str]:
        """Return the violations of a run in which no PeteRental process was killed: nothing may be cut off or lost."""
        broken = []
        if tally.cut_off:
            broken.append(f"{tally.cut_off} deliveries were cut off though none of our processes was killed")
        if not_stored:
            broken.append(f"{not_stored} reports were lost though none of our processes was killed")
        return broken

    def reports_not_stored(self, heard: list[Heard], timeout_s: float = 0) -> int:
        """Count the calls whose end-of-call report was answered but is not stored after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        while True:
            rows = self._connection.execute("SELECT vapi_call_id FROM calls WHERE status = 'ended'")
            ended = {row[0] for row in rows}
            missing = sum(call.call_id not in ended for call in heard)
            if not missing or time.monotonic() > deadline:
                return missing
            time.sleep(0.1)

    def _violations_of(self, call: Heard, rows: list[tuple[str, datetime]]) -> list[str]:
        broken = [
            f"{call.call_id}: two answers to one request: {one!r} and {two!r}" for one, two in call.contradictions
        ]
        if len(rows) > 1:
            broken.append(f"{call.call_id}: {len(rows)} bookings")
        if call.start is None:
            if rows and not call.unsure:
                broken.append(f"{call.call_id}: has a booking that was not confirmed")
            return broken
        if not rows:
            broken.append(f"{call.call_id}: confirmed, but has no booking")
        elif not call.unsure:
            status, start = rows[0]
            expected = "cancelled" if call.cancelled else "confirmed"
            if status != expected:
                broken.append(f"{call.call_id}: confirmed as {expected}, is {status}")
            if start.astimezone(self._zone).replace(tzinfo=None) != call.start:
                broken.append(f"{call.call_id}: confirmed for {call.start}, is booked for {start}")
        return broken

    def _global_violations(self, heard: list[Heard], shipped: int) -> list[str]:
        broken = []
        overlaps = self._count(
            "SELECT count(*) FROM appointments a JOIN appointments b ON a.agent_id = b.agent_id AND a.id < b.id"
            " AND tstzrange(a.start_time, a.end_time) && tstzrange(b.start_time, b.end_time)"
            " WHERE a.status = 'confirmed' AND b.status = 'confirmed'"
        )
        if overlaps:
            broken.append(f"{overlaps} pairs of viewings overlap")
        lines = self._count(
            "SELECT count(*) FROM appointments a WHERE NOT EXISTS"
            " (SELECT FROM appointment_events e WHERE e.appointment_id = a.id AND e.kind = 'booked')"
        )
        if lines:
            broken.append(f"{lines} bookings without a history")
        applied = self._count(
            "SELECT count(*) FROM schema_migrations WHERE description ~ '(mark viewings|index marks)$'"
        )
        if applied != shipped:
            broken.append(f"{shipped} migrations were shipped, {applied} are recorded")
        invalid = self._count("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        if invalid:
            broken.append(f"{invalid} indexes are not valid")
        if not any(call.start for call in heard):
            broken.append("no booking was confirmed: the run proves nothing")
        return broken

    def _count(self, query: str) -> int:
        row = self._connection.execute(query.encode()).fetchone()
        return int(str(row[0])) if row else 0
