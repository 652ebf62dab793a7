"""Two ways to find free times: entirely in SQL, or rows from SQL and slots computed in Python.

PeteRental does the latter, see docs/decisions/009-free-times-in-python.md; the SQL of the former is kept here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bench.measure import interleaved, ratio
from bench.phone.stage import AGENTS, FEW, Stage
from bench.programs import ProgramFailed
from bench.section import Bench
from bench.table import Promise, Table
from peterental.agents.model import AgentKey
from peterental.appointments.availability import Availability
from peterental.appointments.repository import AppointmentRepository
from peterental.calls.model import ToolInvocation
from peterental.database.pool import Database

# Days on the agent's wall clock, each with its override or its weekly hours; a start at every step, if the wall clock
# shows that time; minus bookings with buffers and blocked times, as one multirange.
SLOTS = """
    WITH agent AS (
        SELECT * FROM agents WHERE vapi_assistant_id = %(assistant_id)s
    ), taken AS (
        SELECT COALESCE(range_agg(during), '{}'::tstzmultirange) AS during
        FROM (
            SELECT tstzrange(start_time, COALESCE(blocked_until, end_time)) AS during
            FROM appointments JOIN agent USING (agent_id)
            WHERE status = 'confirmed' AND start_time >= %(now)s::timestamptz - INTERVAL '2 days'
                AND start_time < %(now)s::timestamptz + make_interval(days => horizon_days + 2)
            UNION ALL
            SELECT during FROM agent_busy JOIN agent USING (agent_id)
            WHERE during && tstzrange(
                %(now)s::timestamptz, %(now)s::timestamptz + make_interval(days => horizon_days + 2)
            )
        ) AS ranges
    ), days AS (
        SELECT ((%(now)s::timestamptz AT TIME ZONE time_zone)::date + ahead) AS day
        FROM agent, generate_series(0, horizon_days) AS ahead
    ), windows AS (
        SELECT day, opens_at, closes_at FROM days JOIN agent_days USING (day) JOIN agent USING (agent_id)
        WHERE opens_at IS NOT NULL
        UNION ALL
        SELECT day, agent_hours.opens_at, agent_hours.closes_at
        FROM days
        JOIN agent ON TRUE
        JOIN agent_hours ON agent_hours.agent_id = agent.agent_id AND weekday = EXTRACT(ISODOW FROM day)
        WHERE NOT EXISTS (
            SELECT FROM agent_days WHERE agent_days.agent_id = agent.agent_id AND agent_days.day = days.day
        )
    ), starts AS (
        SELECT wall, wall AT TIME ZONE time_zone AS start
        FROM windows, agent, generate_series(
            day + opens_at, day + closes_at - make_interval(mins => slot_minutes), make_interval(mins => step_minutes)
        ) AS wall
    )
    SELECT DISTINCT start
    FROM starts, agent, taken
    WHERE start AT TIME ZONE time_zone = wall
        AND start >= %(now)s::timestamptz + make_interval(mins => notice_minutes)
        AND NOT taken.during && tstzrange(start, start + make_interval(mins => slot_minutes + buffer_minutes))
    ORDER BY start
"""

_QUERIES = 300


class Ways:
    """Both ways, on one database."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, pool_size=1)
        self._appointments = AppointmentRepository(self.database)
        self._now = datetime.now(UTC)

    def in_sql(self, agent: int) -> list[datetime]:
        """Return all free times of the next days, computed in SQL."""
        rows = self.database.fetch(SLOTS, {"assistant_id": f"assistant-{agent}", "now": self._now})
        return [row["start"] for row in rows]

    def availability(self, agent: int) -> Availability:
        """Return the availability of an agent, from the rows of the server."""
        key = AgentKey(assistant_id=f"assistant-{agent}")
        invocation = ToolInvocation(name="get_availability", tool_call_id="", agent_key=key)
        schedule = self._appointments.line(invocation, None, self._now).holder
        if schedule.agent is None:
            raise ProgramFailed(f"there is no agent {agent}")
        return Availability(schedule.agent.rules, schedule.agent.zone, self._now, schedule.taken, schedule.busy)

    def three_in_sql(self, agent: int) -> tuple[datetime, ...]:
        """Return the three times to offer, chosen among all free times from SQL."""
        return Availability.pick_diverse(self.picker, iter(self.in_sql(agent)))

    def three_in_python(self, agent: int) -> tuple[datetime, ...]:
        """Return the three times to offer; the search ends with the third."""
        availability = self.availability(agent)
        return availability.pick_diverse(availability.free())

    @property
    def picker(self) -> Availability:
        """The availability whose method picks the times; only its time zone matters."""
        return self._picker

    def prepare(self) -> None:
        """Check that both ways find the same times."""
        self._picker = self.availability(1)
        for agent in range(1, 21):
            if self.in_sql(agent) != list(self.availability(agent).free()):
                raise ProgramFailed(f"the two ways find different times for agent {agent}")


def measure(bench: Bench, stage: Stage) -> Iterator[Table]:
    """Find three times to offer both ways, on both databases, in turn."""
    runs: dict[str, Callable[[int], float]] = {}
    ways = {f"{FEW:,}": Ways(stage.few_url), f"{stage.many:,}": Ways(stage.many_url)}
    for size, way in ways.items():
        way.prepare()
        runs[f"rows in SQL, slots in Python, {size} bookings"] = _timed(way.three_in_python)
        runs[f"slots wholly in SQL, {size} bookings"] = _timed(way.three_in_sql)
    samples = interleaved(runs, bench.rounds(9, 1), warm_up=True)
    for way in ways.values():
        way.database.close()
    rows: list[tuple[str, ...]] = []
    promises = []
    names = list(samples)
    for taken, other in zip(names[::2], names[1::2], strict=True):
        times = ratio(samples[taken], samples[other])
        for name in (taken, other):
            sample = samples[name]
            rows.append(
                (name, f"{sample.median:.2f} ms", f"{ratio(sample, samples[other]):.2f}", sample.spread("ms", 2))
            )
        size = taken.split(", ")[-1]
        promises.append(
            Promise(f"free times our way, {size}", f"{times:.2f} x slots in SQL", "< 1 x slots in SQL", times < 1)
        )
    yield Table(
        "Two ways to find free times",
        f"Three times to offer out of the next 14 days, from question to answer in one process, {_QUERIES} questions a"
        f" round to {AGENTS:,} agents in turn; statements prepared. Both ways were checked to return the same times.",
        ("way", "median", "times wholly in SQL", "rounds"),
        rows,
        promises,
    )


def _timed(query: Callable[[int], object]) -> Callable[[int], float]:
    """Return a function that queries many agents in turn and returns the milliseconds per query."""

    def turn(_: int) -> float:
        began_s = time.perf_counter()
        for agent in range(1, _QUERIES + 1):
            query(agent)
        return (time.perf_counter() - began_s) * 1000 / _QUERIES

    return turn
