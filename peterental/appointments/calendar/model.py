"""A week of an agent's, and where each thing stands in it. Pure."""

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
"""A row of the grid, in minutes."""

MOST_LANES = 3
"""Viewings side by side; what overlaps even more is folded."""

MOST_BUSY = 12
"""Busy blocks of one day that are drawn."""

USUAL_HOURS = Window(9 * 60, 17 * 60)
DAYS_OF_A_WEEK = 7


@dataclass(frozen=True, kw_only=True)
class CalendarEntry(BookingSummary):
    """A viewing that was not cancelled. Times are UTC.

    Args:
        blocked_until: the end of the pause after it.
        status: of the viewing.
        phone: the number that the visitor gave, else the caller's.
    """

    blocked_until: datetime
    status: str
    phone: str | None


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """Where something stands in a day's column: its first row, from 1, how many rows, and which of how many lanes."""

    row: int
    rows: int
    lane: int = 1
    lanes: int = 1


@dataclass(frozen=True, kw_only=True)
class PlacedEntry:
    """A viewing with the pause after it, or a busy block, and where they stand."""

    entry: CalendarEntry | None = None
    busy: BusyBlock | None = None
    place: GridCell
    pause: GridCell | None = None

    @property
    def start(self) -> datetime:
        """When it begins, in UTC."""
        stretch = self.entry or self.busy
        assert stretch is not None  # noqa: S101  # tells mypy; it is one of the two
        return stretch.start


@dataclass(frozen=True, kw_only=True)
class CalendarDay:
    """One local day of an agent's.

    Args:
        day: which.
        starts, ends: its first moment and the next day's, in UTC.
        windows: working hours; none where it is closed.
        note: why they differ from every week's, if they do.
        entries: the first viewings of the day, in order.
        total: how many there are.
        busy: blocks that touch the day.
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
        """What the clocks do on this day, if they change."""
        missing = timedelta(days=1) - (self.ends - self.starts)
        hours = f"{(self.ends - self.starts) / timedelta(hours=1):g} hours"
        if missing > timedelta():
            return f"{hours}: the clocks go forward"
        return f"{hours}: the clocks go back" if missing < timedelta() else None


@dataclass(frozen=True, kw_only=True)
class Column:
    """A day as the grid draws it: viewings and busy blocks in order; what is folded is counted in the last two."""

    day: CalendarDay
    items: tuple[PlacedEntry, ...]
    closed: tuple[GridCell, ...]
    more: int
    more_busy: int


@dataclass(frozen=True, kw_only=True)
class Week:
    """Seven days of an agent's, from a Monday, and the hours that the grid shows.

    Args:
        agent: whose.
        today: the present day on the agent's clock.
        days: the seven.
    """

    agent: Agent
    today: date
    days: tuple[CalendarDay, ...]
    shown: Window = field(default=USUAL_HOURS)

    @property
    def monday(self) -> date:
        """The first day."""
        return self.days[0].day

    def columns(self) -> Iterator[Column]:
        """Give the days as the grid draws them."""
        zone = self.agent.zone
        for day in self.days:
            entries, folded = _in_lanes(day, self.shown, zone)
            blocks = [(block, _stretch(block.start, block.until, day, self.shown, zone)) for block in day.busy]
            busy = [PlacedEntry(busy=block, place=place) for block, place in blocks[:MOST_BUSY] if place is not None]
            yield Column(
                day=day,
                items=tuple(sorted((*entries, *busy), key=lambda item: item.start)),
                closed=tuple(_closed(day.windows, self.shown)),
                more=day.total - len(day.entries) + folded,
                more_busy=max(len(blocks) - MOST_BUSY, 0),
            )


def days_of(first: date, zone: ZoneInfo, count: int = DAYS_OF_A_WEEK) -> list[CalendarDay]:
    """Give empty days from `first` on, 23 to 25 hours long as the clocks of `zone` have them."""
    edges = [midnight(first + timedelta(days=ahead), zone) for ahead in range(count + 1)]
    return [
        CalendarDay(day=first + timedelta(days=number), starts=edges[number], ends=edges[number + 1])
        for number in range(count)
    ]


def hours_shown(days: Sequence[CalendarDay], zone: ZoneInfo) -> Window:
    """Give the whole hours that the grid must show for everything but busy blocks to be seen."""
    windows = [window for day in days for window in day.windows] or [USUAL_HOURS]
    entries = [_wall(entry.start, entry.end, zone) for day in days for entry in day.entries]
    opens = min(window.opens_min for window in (*windows, *entries))
    closes = max(window.closes_min for window in (*windows, *entries))
    return Window(opens // 60 * 60, min(-(-closes // 60) * 60, MINUTES_PER_DAY))


def _wall(start: datetime, end: datetime, zone: ZoneInfo) -> Window:
    """Give a viewing's stretch of its local day; it lasts as long as it does, whatever the clocks do meanwhile."""
    local = start.astimezone(zone)
    opens = local.hour * 60 + local.minute
    return Window(opens, min(opens + max(int((end - start).total_seconds() // 60), 1), MINUTES_PER_DAY))


def _place(window: Window, shown: Window) -> GridCell | None:
    """Give the rows of a stretch, or None where the grid does not show it."""
    opens, closes = max(window.opens_min, shown.opens_min), min(window.closes_min, shown.closes_min)
    if opens >= closes:
        return None
    first = (opens - shown.opens_min) // ROW_MIN
    return GridCell(row=first + 1, rows=-(-(closes - shown.opens_min) // ROW_MIN) - first)


def _stretch(start: datetime, until: datetime, day: CalendarDay, shown: Window, zone: ZoneInfo) -> GridCell | None:
    """Give the rows of what may begin before the day and end after it."""
    begins, ends = max(start, day.starts).astimezone(zone), min(until, day.ends).astimezone(zone)
    opens = begins.hour * 60 + begins.minute
    closes = MINUTES_PER_DAY if ends.date() > day.day else ends.hour * 60 + ends.minute
    return _place(Window(opens, closes), shown)


def _closed(windows: Iterable[Window], shown: Window) -> Iterator[GridCell]:
    opens = shown.opens_min
    for window in (*sorted(windows), Window(shown.closes_min, shown.closes_min)):
        place = _place(Window(opens, window.opens_min), shown)
        if place is not None:
            yield place
        opens = max(opens, window.closes_min)


def _in_lanes(day: CalendarDay, shown: Window, zone: ZoneInfo) -> tuple[tuple[PlacedEntry, ...], int]:
    """Put viewings that overlap side by side; give them, and how many found no room."""
    placed: list[PlacedEntry] = []
    cluster: list[tuple[CalendarEntry, GridCell, GridCell | None]] = []
    ends = [0] * MOST_LANES
    folded = 0
    for entry in day.entries:
        stretch = _wall(entry.start, entry.end, zone)
        place = _place(stretch, shown)
        assert place is not None  # noqa: S101  # tells mypy; the hours shown have room for every viewing
        if place.row >= max(ends):
            placed += _spread(cluster, ends)
            cluster, ends = [], [0] * MOST_LANES
        lane = next((number for number, end in enumerate(ends) if end <= place.row), None)
        if lane is None:
            folded += 1
            continue
        pause_min = int((entry.blocked_until - entry.end).total_seconds() // 60)
        pause = _place(Window(stretch.closes_min, min(stretch.closes_min + pause_min, MINUTES_PER_DAY)), shown)
        ends[lane] = place.row + place.rows
        cluster.append((entry, GridCell(row=place.row, rows=place.rows, lane=lane + 1), pause))
    placed += _spread(cluster, ends)
    return tuple(placed), folded


def _spread(
    cluster: Sequence[tuple[CalendarEntry, GridCell, GridCell | None]], ends: Sequence[int]
) -> Iterator[PlacedEntry]:
    lanes = sum(end > 0 for end in ends)
    for entry, place, pause in cluster:
        yield PlacedEntry(
            entry=entry, place=GridCell(row=place.row, rows=place.rows, lane=place.lane, lanes=lanes), pause=pause
        )
