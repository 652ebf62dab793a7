"""The week of an agent, and the grid of its viewings and busy blocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from peterental.agents.model import Agent, Window
from peterental.agents.working_hours.model import MINUTES_PER_DAY, BusyBlock
from peterental.appointments.model import BookingSummary
from peterental.clock import midnight

ROW_MIN = 15
"""Minutes of one row of the grid."""

MAX_LANES = 3
"""Overlapping viewings that are shown side by side; further ones are folded."""

MAX_BUSY_SHOWN = 12
"""Busy blocks of one day that are shown."""

DEFAULT_HOURS = Window(9 * 60, 17 * 60)
"""The hours that the grid shows for a week without working hours."""
DAYS_PER_WEEK = 7


@dataclass(frozen=True, kw_only=True)
class CalendarEntry(BookingSummary):
    """A viewing that was not cancelled. Times are UTC.

    Args:
        blocked_until: the end of the buffer after it.
        status: of the viewing.
        phone: the number that the visitor gave, else the caller's.
    """

    blocked_until: datetime
    status: str
    phone: str | None


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """A position in a day's column: first row (from 1), rows, and lane among lanes."""

    row: int
    rows: int
    lane: int = 1
    lanes: int = 1


@dataclass(frozen=True, kw_only=True)
class PlacedEntry:
    """A viewing with the buffer after it, or a busy block, and their positions."""

    entry: CalendarEntry | None = None
    busy: BusyBlock | None = None
    cell: GridCell
    buffer: GridCell | None = None

    @property
    def start(self) -> datetime:
        """Its start, in UTC."""
        shown = self.entry or self.busy
        assert shown is not None  # noqa: S101  # tells mypy; it is one of the two
        return shown.start


@dataclass(frozen=True, kw_only=True)
class CalendarDay:
    """One local day of an agent.

    Args:
        day: the date.
        starts, ends: its first moment and that of the next day, in UTC.
        windows: working hours; none if it is closed.
        note: of the date override, if there is one.
        entries: the first viewings of the day, in order.
        total: how many viewings the day has.
        busy: busy blocks that overlap the day.
    """

    day: date
    starts: datetime
    ends: datetime
    windows: tuple[Window, ...] = ()
    note: str | None = None
    entries: tuple[CalendarEntry, ...] = ()
    total: int = 0
    busy: tuple[BusyBlock, ...] = ()

    @property
    def clocks_change(self) -> str | None:
        """The length of the day and the direction of a clock change; None without one."""
        missing = timedelta(days=1) - (self.ends - self.starts)
        hours = f"{(self.ends - self.starts) / timedelta(hours=1):g} hours"
        if missing > timedelta():
            return f"{hours}: the clocks go forward"
        return f"{hours}: the clocks go back" if missing < timedelta() else None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A day as the grid shows it.

    Args:
        day: which.
        items: viewings and busy blocks, by start.
        closed: the time outside working hours.
        more: how many viewings are not shown.
        more_busy: how many busy blocks are not shown.
    """

    day: CalendarDay
    items: tuple[PlacedEntry, ...]
    closed: tuple[GridCell, ...]
    more: int
    more_busy: int


@dataclass(frozen=True, kw_only=True)
class Week:
    """Seven days of an agent from a Monday on, and the hours that the grid shows.

    Args:
        agent: whose.
        today: the agent's local date.
        days: Monday to Sunday.
        shown: the hours of the grid.
    """

    agent: Agent
    today: date
    days: tuple[CalendarDay, ...]
    shown: Window = field(default=DEFAULT_HOURS)

    @property
    def monday(self) -> date:
        """The first day."""
        return self.days[0].day

    def columns(self) -> Iterator[Column]:
        """Yield the days as the grid shows them."""
        return (column_of(day, self.shown, self.agent.zone) for day in self.days)


def column_of(day: CalendarDay, shown: Window, zone: ZoneInfo) -> Column:
    """Return a day as the grid shows it.

    Args:
        day: its windows are on the clocks of `zone`.
        shown: the hours of the grid.
        zone: of the grid.
    """
    entries, folded = _assign_lanes(day, shown, zone)
    blocks = [(block, _block_cell(block.start, block.until, day, shown, zone)) for block in day.busy]
    busy = [PlacedEntry(busy=block, cell=cell) for block, cell in blocks[:MAX_BUSY_SHOWN] if cell is not None]
    return Column(
        day=day,
        items=tuple(sorted((*entries, *busy), key=lambda item: item.start)),
        closed=tuple(_closed(day.windows, shown)),
        more=day.total - len(day.entries) + folded,
        more_busy=max(len(blocks) - MAX_BUSY_SHOWN, 0),
    )


def cell_of(start: datetime, until: datetime, day: CalendarDay, shown: Window, zone: ZoneInfo) -> GridCell | None:
    """Return the rows of the time between two moments, or None if the grid does not show it."""
    return _block_cell(start, until, day, shown, zone)


def days_of(first: date, zone: ZoneInfo, count: int = DAYS_PER_WEEK) -> list[CalendarDay]:
    """Return empty days from `first` on, of 23 to 25 hours with the clock changes."""
    edges = [midnight(first + timedelta(days=ahead), zone) for ahead in range(count + 1)]
    return [
        CalendarDay(day=first + timedelta(days=number), starts=edges[number], ends=edges[number + 1])
        for number in range(count)
    ]


def hours_shown(days: Sequence[CalendarDay], zone: ZoneInfo) -> Window:
    """Return the whole hours that show all working hours and all viewings."""
    windows = [window for day in days for window in day.windows] or [DEFAULT_HOURS]
    entries = [_local_window(entry.start, entry.end, zone) for day in days for entry in day.entries]
    opens = min(window.opens_min for window in (*windows, *entries))
    closes = max(window.closes_min for window in (*windows, *entries))
    return Window(opens // 60 * 60, min(-(-closes // 60) * 60, MINUTES_PER_DAY))


def _local_window(start: datetime, end: datetime, zone: ZoneInfo) -> Window:
    """Return a viewing's window in its local day; its length ignores clock changes."""
    local = start.astimezone(zone)
    opens = local.hour * 60 + local.minute
    return Window(opens, min(opens + max(int((end - start).total_seconds() // 60), 1), MINUTES_PER_DAY))


def _cell(window: Window, shown: Window) -> GridCell | None:
    """Return the rows of a window, or None if the grid does not show it."""
    opens, closes = max(window.opens_min, shown.opens_min), min(window.closes_min, shown.closes_min)
    if opens >= closes:
        return None
    first = (opens - shown.opens_min) // ROW_MIN
    return GridCell(row=first + 1, rows=-(-(closes - shown.opens_min) // ROW_MIN) - first)


def _block_cell(start: datetime, until: datetime, day: CalendarDay, shown: Window, zone: ZoneInfo) -> GridCell | None:
    """Return the rows of a busy block, which may exceed the day at both ends."""
    begins, ends = max(start, day.starts).astimezone(zone), min(until, day.ends).astimezone(zone)
    opens = begins.hour * 60 + begins.minute
    closes = MINUTES_PER_DAY if ends.date() > day.day else ends.hour * 60 + ends.minute
    return _cell(Window(opens, closes), shown)


def _closed(windows: Iterable[Window], shown: Window) -> Iterator[GridCell]:
    """Yield the rows outside the working hours."""
    opens = shown.opens_min
    for window in (*sorted(windows), Window(shown.closes_min, shown.closes_min)):
        cell = _cell(Window(opens, window.opens_min), shown)
        if cell is not None:
            yield cell
        opens = max(opens, window.closes_min)


def _assign_lanes(day: CalendarDay, shown: Window, zone: ZoneInfo) -> tuple[tuple[PlacedEntry, ...], int]:
    """Return a day's viewings in lanes, and how many of them are folded."""
    placed: list[PlacedEntry] = []
    cluster: list[tuple[CalendarEntry, GridCell, GridCell | None]] = []
    ends = [0] * MAX_LANES
    folded = 0
    for entry in day.entries:
        window = _local_window(entry.start, entry.end, zone)
        cell = _cell(window, shown)
        assert cell is not None  # noqa: S101  # tells mypy; the hours shown have room for every viewing
        if cell.row >= max(ends):
            placed += _with_lane_count(cluster, ends)
            cluster, ends = [], [0] * MAX_LANES
        lane = next((number for number, end in enumerate(ends) if end <= cell.row), None)
        if lane is None:
            folded += 1
            continue
        buffer_min = int((entry.blocked_until - entry.end).total_seconds() // 60)
        buffer = _cell(Window(window.closes_min, min(window.closes_min + buffer_min, MINUTES_PER_DAY)), shown)
        ends[lane] = cell.row + cell.rows
        cluster.append((entry, GridCell(row=cell.row, rows=cell.rows, lane=lane + 1), buffer))
    placed += _with_lane_count(cluster, ends)
    return tuple(placed), folded


def _with_lane_count(
    cluster: Sequence[tuple[CalendarEntry, GridCell, GridCell | None]], ends: Sequence[int]
) -> Iterator[PlacedEntry]:
    """Yield a cluster of overlapping viewings with the number of lanes that it needs."""
    lanes = sum(end > 0 for end in ends)
    for entry, cell, buffer in cluster:
        yield PlacedEntry(
            entry=entry, cell=GridCell(row=cell.row, rows=cell.rows, lane=cell.lane, lanes=lanes), buffer=buffer
        )
