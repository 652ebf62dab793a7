"""Closures and repeating blocks on the wall clock equal a naive expansion, also where the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from peterental.agents.time_off.expansion import DAYS_AHEAD, closure_block, days_of, repeating_blocks
from peterental.agents.time_off.model import Closure, RepeatingBlock

ZONES = (
    "America/Chicago",
    "America/Phoenix",
    "America/St_Johns",
    "America/Havana",  # changes at midnight
    "Europe/Berlin",
    "Australia/Lord_Howe",  # changes by half an hour
    "Asia/Kolkata",
    "Pacific/Auckland",
)
STEP = timedelta(minutes=15)
SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)


def repeating(**values: object) -> RepeatingBlock:
    fields = {"weekdays": (1,), "from_min": 540, "until_min": 600, "first_day": date(2026, 10, 5), **values}
    return RepeatingBlock(
        **{  # type: ignore[arg-type]  # a test mixes types
            "repeating_id": 1,
            "agent_id": "ana",
            "agent_name": "Ana",
            "time_zone": "America/Chicago",
            "updated_at": SOME_TIME,
            **fields,
        }
    )


def closure(**values: object) -> Closure:
    fields = {"first_day": date(2026, 11, 26), "last_day": date(2026, 11, 26), **values}
    return Closure(**{"closure_id": 1, "name": "Thanksgiving", "updated_at": SOME_TIME, **fields})  # type: ignore[arg-type]  # likewise


def is_repeated(moment: datetime, zone: ZoneInfo) -> bool:
    """Return whether the wall clock shows this time twice."""
    local = moment.astimezone(zone).replace(tzinfo=None)
    return local.replace(tzinfo=zone, fold=0).utcoffset() != local.replace(tzinfo=zone, fold=1).utcoffset()


def minutes_of(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


@st.composite
def minute_ranges(draw: st.DrawFn) -> tuple[int, int]:
    first, last = sorted(draw(st.lists(st.integers(0, 96), min_size=2, max_size=2, unique=True)))
    return first * 15, last * 15


@given(
    zone_name=st.sampled_from(ZONES),
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    minutes=minute_ranges(),
    every_weeks=st.integers(1, 5),
    first_day=st.dates(date(2025, 1, 1), date(2027, 6, 1)),
    length=st.none() | st.integers(0, 300),
    exceptions=st.sets(st.dates(date(2026, 3, 1), date(2026, 11, 30)), max_size=20),
    # Around the changes of the clocks in both hemispheres.
    now=st.sampled_from([date(2026, 3, 6), date(2026, 3, 27), date(2026, 4, 3), date(2026, 9, 25), date(2026, 10, 30)]),
)
def test_blocks_equal_a_naive_expansion(  # noqa: PLR0917  # hypothesis passes them by name
    zone_name: str,
    weekdays: set[int],
    minutes: tuple[int, int],
    every_weeks: int,
    first_day: date,
    length: int | None,
    exceptions: set[date],
    now: date,
) -> None:
    last_day = None if length is None else first_day + timedelta(days=length)
    block = repeating(
        time_zone=zone_name, weekdays=tuple(sorted(weekdays)), from_min=minutes[0], until_min=minutes[1],
        every_weeks=every_weeks, first_day=first_day, last_day=last_day, exceptions=tuple(sorted(exceptions)),
    )  # fmt: skip
    moment = datetime.combine(now, time(12), UTC)
    found = [busy for busy in repeating_blocks(block, moment) if busy.start < moment + timedelta(days=8)]
    monday = first_day - timedelta(days=first_day.weekday())

    def is_blocked(at: datetime) -> bool:
        """Read the wall clock, and ask whether the definition blocks that time."""
        local = at.astimezone(block.zone)
        day = local.date()
        weeks = ((day - timedelta(days=day.weekday())) - monday).days // 7
        return (
            day.isoweekday() in weekdays
            and weeks % every_weeks == 0
            and first_day <= day <= (last_day or day)
            and day not in exceptions
            and minutes[0] <= minutes_of(local) < minutes[1]
        )

    at = moment
    while at < moment + timedelta(days=8):
        covered = any(busy.start <= at < busy.until for busy in found)
        # Between the first and the second pass of a repeated hour a block goes on.
        assert covered == is_blocked(at) or (covered and is_repeated(at, block.zone)), at.astimezone(block.zone)
        at += STEP


@given(
    zone_name=st.sampled_from(ZONES),
    days=st.lists(st.dates(date(2026, 3, 1), date(2026, 11, 30)), min_size=2, max_size=2).map(sorted),
    minutes=minute_ranges(),
)
def test_closure_covers_exactly_its_wall_clock_time(zone_name: str, days: list[date], minutes: tuple[int, int]) -> None:
    zone, (first, last) = ZoneInfo(zone_name), days
    last = min(last, first + timedelta(days=5))
    busy = closure_block(
        closure(first_day=first, last_day=last, from_min=minutes[0], until_min=minutes[1]), "ana", zone
    )
    begins = datetime.combine(first, time()) + timedelta(minutes=minutes[0])
    ends = datetime.combine(last, time()) + timedelta(minutes=minutes[1])
    at = datetime.combine(first - timedelta(days=1), time(), UTC)
    while at < datetime.combine(last + timedelta(days=3), time(), UTC):
        covered = busy is not None and busy.start <= at < busy.until
        expected = begins <= at.astimezone(zone).replace(tzinfo=None) < ends
        assert covered == expected or (covered and is_repeated(at, zone))
        at += STEP


def test_wall_clock_stays_over_a_change() -> None:
    block = repeating(weekdays=(6,), first_day=date(2026, 10, 31))
    first, second = list(repeating_blocks(block, datetime(2026, 10, 30, tzinfo=UTC)))[:2]
    assert (first.start, second.start) == (
        datetime(2026, 10, 31, 14, tzinfo=UTC),
        datetime(2026, 11, 7, 15, tzinfo=UTC),
    )


def test_skipped_start_is_the_change_of_the_clocks() -> None:
    sunday = date(2026, 3, 8)
    block = repeating(weekdays=(7,), from_min=150, until_min=240, first_day=sunday, last_day=sunday)
    (busy,) = repeating_blocks(block, datetime(2026, 3, 7, tzinfo=UTC))
    assert (busy.start, busy.until) == (datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 3, 8, 9, tzinfo=UTC))


def test_block_within_skipped_hour_is_left_out() -> None:
    sunday = date(2026, 3, 8)
    block = repeating(weekdays=(7,), from_min=130, until_min=170, first_day=sunday, last_day=sunday)
    assert list(repeating_blocks(block, datetime(2026, 3, 7, tzinfo=UTC))) == []
    whole = closure(first_day=sunday, last_day=sunday, from_min=130, until_min=170)
    assert closure_block(whole, "ana", ZoneInfo("America/Chicago")) is None


def test_repeated_hour_is_blocked_twice() -> None:
    sunday = date(2026, 11, 1)
    block = repeating(weekdays=(7,), from_min=60, until_min=120, first_day=sunday, last_day=sunday)
    (busy,) = repeating_blocks(block, datetime(2026, 10, 31, tzinfo=UTC))
    assert busy.until - busy.start == timedelta(hours=2)


def test_end_in_a_repeated_hour_is_its_second_instant() -> None:
    sunday, second = date(2026, 11, 1), datetime(2026, 11, 1, 7, 30, tzinfo=UTC)
    block = repeating(weekdays=(7,), from_min=60, until_min=90, first_day=sunday, last_day=sunday)
    (busy,) = repeating_blocks(block, datetime(2026, 10, 31, tzinfo=UTC))
    closed = closure_block(closure(first_day=sunday, last_day=sunday, until_min=90), "ana", ZoneInfo("America/Chicago"))
    assert closed is not None
    assert (busy.until, closed.until) == (second, second)


def test_exempt_agent_has_no_block() -> None:
    assert closure_block(closure(exempt=frozenset({"ana"})), "ana", ZoneInfo("UTC")) is None
    assert closure_block(closure(exempt=frozenset({"ben"})), "ana", ZoneInfo("UTC")) is not None


def test_blocks_reach_beyond_the_farthest_booking() -> None:
    now = datetime(2026, 10, 20, 16, tzinfo=UTC)
    last = list(repeating_blocks(repeating(weekdays=(1, 2, 3, 4, 5, 6, 7)), now))[-1]
    assert last.start > now + timedelta(days=365 + 2)
    assert last.start < now + timedelta(days=DAYS_AHEAD + 1)


def test_running_block_is_written_and_ended_one_is_not() -> None:
    everyday = repeating(weekdays=(1, 2, 3, 4, 5, 6, 7), time_zone="UTC")
    during, after = (next(repeating_blocks(everyday, datetime(2026, 10, 20, 9, at, tzinfo=UTC))) for at in (30, 59))
    assert during.repeats_on == after.repeats_on == date(2026, 10, 20)
    assert next(repeating_blocks(everyday, datetime(2026, 10, 20, 10, tzinfo=UTC))).repeats_on == date(2026, 10, 21)


def test_weeks_are_counted_from_the_week_of_the_first_day() -> None:
    entry = repeating(weekdays=(1, 5), every_weeks=2, first_day=date(2026, 10, 7))  # a Wednesday
    days = list(days_of(entry, date(2026, 10, 1), date(2026, 11, 8)))
    assert days == [date(2026, 10, 9), date(2026, 10, 19), date(2026, 10, 23), date(2026, 11, 2), date(2026, 11, 6)]
