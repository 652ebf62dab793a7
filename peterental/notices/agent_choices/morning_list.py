"""Morning lists: what an agent's day brings, and what happened since the list before."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from peterental.calendars.repository import CalendarRepository
from peterental.calls.model import CallFilter
from peterental.calls.queries import CallQueries
from peterental.clock import midnight
from peterental.messages.repository import MessageRepository
from peterental.notices.agent_choices import list_lines
from peterental.notices.agent_choices.model import (
    KINDS,
    USUAL,
    VIEWING_KINDS,
    MorningList,
    list_about,
)
from peterental.notices.agent_choices.repository import AgentChoicesRepository
from peterental.notices.letters import format_phone

if TYPE_CHECKING:
    from peterental.agents.model import Agent, Language
    from peterental.calls.model import Flag
    from peterental.database.pool import Database
    from peterental.messages.model import Message
    from peterental.notices.model import Channel

LOOKS_BACK_DAYS = 7
"""After an outage, a list covers at most so many days."""

MAX_MESSAGES = 20
MAX_CALLS = 20

FLAGS: tuple[Flag, ...] = ("fault", "unbooked")


class MorningLists:
    """Reads what morning lists say.

    Args:
        database: of the agents.
    """

    def __init__(self, database: Database) -> None:
        self._repository = AgentChoicesRepository(database)
        self._messages = MessageRepository(database)
        self._calls = CallQueries(database)
        self._calendars = CalendarRepository(database)

    def read(self, agent: Agent, channel: Channel, day: date, now: datetime) -> MorningList:
        """Return what the list of a day says by a channel. Up to eight round trips.

        Args:
            agent: whose.
            channel: kinds are chosen for the list by channel.
            day: on the agent's clock.
            now: what happened later is for the next list, aware.
        """
        choices = self._repository.get(agent.agent_id).choices
        chosen = [kind for kind in KINDS if choices.get((kind, channel), USUAL[channel]) == "morning"]
        since = self._since(agent, channel, day)
        tomorrow = midnight(day + timedelta(days=1), agent.zone)
        kinds = [kind for kind in VIEWING_KINDS if kind in chosen]
        return MorningList(
            viewings=tuple(self._repository.viewings(agent.agent_id, now, tomorrow)),
            changes=tuple(self._repository.changes(agent.agent_id, kinds, since, now)) if kinds else (),
            messages=tuple(map(_said, self._messages.open_urgent(agent.agent_id, MAX_MESSAGES))),
            calls=self._flagged(agent, since, now) if "agent_flagged_call" in chosen else (),
            calendars=self._failing(agent.agent_id) if "agent_calendar_trouble" in chosen else (),
        )

    def _since(self, agent: Agent, channel: Channel, day: date) -> datetime:
        """Return until when earlier lists covered the changes; a day ago if none was sent."""
        before = [day - timedelta(days=ago) for ago in range(1, LOOKS_BACK_DAYS + 1)]
        covered = self._repository.listed_until(channel, [list_about(agent.agent_id, each) for each in before])
        return covered or midnight(before[0], agent.zone)

    def _flagged(self, agent: Agent, since: datetime, until: datetime) -> tuple[tuple[datetime, str, str], ...]:
        found: dict[str, tuple[datetime, str, str]] = {}
        for flag in FLAGS:
            wanted = CallFilter(agent_id=agent.agent_id, flag=flag, since=since, until=until)
            for call in self._calls.listing(None, wanted, slice(0, MAX_CALLS), until)[0]:
                number = format_phone(call.caller_number)
                why = list_lines.FLAGS[agent.language][flag]
                found.setdefault(call.vapi_call_id, (call.started_or_created_at, number, why))
        return tuple(sorted(found.values()))

    def _failing(self, agent_id: str) -> tuple[str, ...]:
        accounts = self._calendars.accounts(agent_id)
        return tuple(f"{account.kind_name}: {account.problem}" for account in accounts if account.problem)


def text_of(found: MorningList, agent: Agent, channel: Channel, language: Language) -> str:
    """Return the lines of a morning list, in sections."""
    said = list_lines.LISTS[language]
    sections = (
        (said.viewings, [list_lines.viewing_line(each, agent.zone, channel, language) for each in found.viewings]),
        (said.changes, [list_lines.change_line(each, agent.zone, channel, language) for each in found.changes]),
        (said.messages, list(found.messages)),
        (said.calls, [list_lines.call_line(call, agent.zone, channel, language) for call in found.calls]),
        (said.calendars, list(found.calendars)),
    )
    return "\n\n".join("\n".join((title, *lines)) for title, lines in sections if lines)


def _said(message: Message) -> str:
    number = format_phone(message.attendee_phone or message.caller_number)
    sender = ", ".join(part for part in (message.attendee_name, number) if part)
    return f"{sender}: {message.body}" if sender else message.body
