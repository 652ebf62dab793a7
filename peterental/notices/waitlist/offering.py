"""Decide what becomes of the entries of a waitlist, and who is offered which time. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from peterental.appointments.availability import BookedInterval
from peterental.appointments.schedule_repository import HELD
from peterental.notices.waitlist.model import HOLD, SEND_WITHIN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from peterental.agents.model import Agent
    from peterental.appointments.schedule_repository import AgentSchedule
    from peterental.notices.model import NoticeSettings
    from peterental.notices.waitlist.model import Entry, OpenEntry

Fate = Literal["keep", "end", "passed", "unsent"]
"""What becomes of an entry. Its offer ends as `passed` if the caller let it pass, as `unsent` if no text was sent."""


def fate_of(found: OpenEntry, now: datetime) -> Fate:
    """Return what becomes of an entry at a moment, before anything is offered."""
    entry = found.entry
    is_over = entry.state == "waiting" and all(until <= now for _, until in entry.wanted)
    if found.has_stopped or found.has_viewing or is_over or found.text_state == "failed":
        return "end"
    if entry.state == "offered" and not entry.is_held(now):
        return "passed" if found.was_handed_over else "unsent"
    return "unsent" if found.text_state == "suppressed" else "keep"


def is_quiet(settings: NoticeSettings, agent: Agent, now: datetime) -> bool:
    """Return whether a text that is written now would have to wait for the morning."""
    moments = (now.astimezone(agent.zone), (now + SEND_WITHIN).astimezone(agent.zone))
    return any(not settings.quiet_until <= moment.time() < settings.quiet_from for moment in moments)


def offers(entries: Iterable[Entry], agent: Agent, schedule: AgentSchedule, now: datetime) -> Iterator[Entry]:
    """Yield the entries that are offered a time, with their offers: each caller in turn gets the first that suits.

    A time is offered only if it can still be booked at the end of the hold.

    Args:
        entries: those that wait, first come first.
        agent: for whose times they wait.
        schedule: when the agent is taken; what is offered to others counts.
        now: the present moment, aware.
    """
    free = _free(schedule, now)
    for entry in entries:
        start = next((start for start in free if entry.wants(start)), None)
        if start is not None:
            end = start + timedelta(minutes=agent.rules.slot_minutes)
            held = BookedInterval(start, blocked_until(agent, end), HELD)
            schedule = replace(schedule, taken=(*schedule.taken, held))
            free = _free(schedule, now)
            yield replace(
                entry,
                state="offered",
                offered_start=start,
                offered_end=end,
                offer_expires_at=now + HOLD,
                offers=entry.offers + 1,
            )


def blocked_until(agent: Agent, end: datetime) -> datetime:
    """Return the end of the buffer after a viewing."""
    return end + timedelta(minutes=agent.rules.buffer_minutes)


def _free(schedule: AgentSchedule, now: datetime) -> list[datetime]:
    return list(schedule.availability(now + HOLD).free())
