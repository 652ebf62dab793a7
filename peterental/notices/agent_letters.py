"""The letters of agents about something else than one viewing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from peterental.agents.repository import AgentRepository
from peterental.calendars.repository import CalendarRepository
from peterental.calls.queries import CallQueries
from peterental.clock import utc_now
from peterental.messages.repository import MessageRepository
from peterental.notices.agent_choices import list_lines
from peterental.notices.agent_choices.morning_list import MorningLists, text_of
from peterental.notices.letters import format_phone
from peterental.notices.model import Letter, NoLongerTrue
from peterental.notices.wording.model import WordingKey
from peterental.notices.wording.rendering import render
from peterental.notices.wording.times import moment_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from peterental.agents.model import Agent
    from peterental.calls.model import Flag
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import Kind, Notice, NoticeSettings
    from peterental.notices.wording.service import WordingService

_DONE = "the message is done"
_READ_AGAIN = "the calendar can be read again"
_UNFLAGGED = "the call needs no check any more"
_NOTHING = "there is nothing to report"
_AGENT_GONE = "the agent was deleted"


@dataclass(frozen=True)
class _Said:
    """What a letter is about: the values of its fields, and the path of its page."""

    fields: Mapping[str, str]
    path: str


class AgentLetters:
    """Writes the letters of agents that are not about one viewing, from the present state of what they are about.

    Args:
        database: what they are about.
        wordings: the wordings of the office.
        lists: reads what morning lists say.
        settings: returns the settings of the office.
        namespace: returns the namespace of this installation.
        public_url: where agents reach the pages; None leaves the links out.
        now: returns the present moment, aware.
    """

    kinds: frozenset[Kind] = frozenset(
        {"agent_urgent_message", "agent_flagged_call", "agent_calendar_trouble", "agent_morning_list"}
    )

    def __init__(
        self,
        database: Database,
        wordings: WordingService,
        lists: MorningLists,
        *,
        settings: Callable[[], NoticeSettings],
        namespace: Callable[[], str],
        public_url: str | None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._agents = AgentRepository(database)
        self._messages = MessageRepository(database)
        self._calls = CallQueries(database)
        self._calendars = CalendarRepository(database)
        self._wordings = wordings
        self._lists = lists
        self._settings = settings
        self._namespace = namespace
        self._public_url = public_url
        self._now = now

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue."""
        agent = self._agents.get(notice.agent_id or "", None)
        if agent is None:
            raise NoLongerTrue(reason=_AGENT_GONE)
        write = {
            "agent_urgent_message": self._urgent_message,
            "agent_flagged_call": self._flagged_call,
            "agent_calendar_trouble": self._calendar_trouble,
            "agent_morning_list": self._morning_list,
        }[notice.kind]
        said, office = write(notice, agent), self._settings().office_name
        link = f"{self._public_url}{said.path}" if self._public_url else ""
        fields = {"agent": agent.agent_name, "office": office, "link": link, **said.fields}
        wording = self._wordings.wording(WordingKey(notice.kind, notice.channel, notice.language))
        subject, body = render(notice.kind, notice.channel, fields, wording)
        return Letter(
            channel=notice.channel,
            recipient=notice.recipient,
            subject=subject,
            body=body,
            message_id=f"notice-{notice.notice_id}.{self._namespace()}@visitors.peterental",
            sender_name=office,
        )

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if a person has settled what the notice is about. One round trip at most.

        A call that was flagged stays so, and a list says what was so when it was written.
        """
        match notice.kind:
            case "agent_urgent_message":
                if not self._messages.is_open(connection, _number(notice)):
                    raise NoLongerTrue(reason=_DONE)
            case "agent_calendar_trouble":
                if not self._calendars.is_failing(connection, _number(notice)):
                    raise NoLongerTrue(reason=_READ_AGAIN)
            case _:
                pass

    def _urgent_message(self, notice: Notice, agent: Agent) -> _Said:
        message = self._messages.get(_number(notice), None)
        if message is None or message.is_done:
            raise NoLongerTrue(reason=_DONE)
        phone = format_phone(message.attendee_phone or message.caller_number)
        fields = {"visitor": message.attendee_name or "", "phone": phone, "message": message.body}
        return _Said(fields | _when(message.received_at, notice, agent), f"/messages/{message.message_id}")

    def _flagged_call(self, notice: Notice, agent: Agent) -> _Said:
        call_id = _part(notice, 1)
        found = self._calls.record(call_id, None)
        summary = found[0] if found else None
        flag: Flag | None = None
        if summary is not None and summary.handled_at is None:
            flag = "fault" if summary.has_fault else "unbooked" if summary.is_unbooked else None
        if summary is None or flag is None:
            raise NoLongerTrue(reason=_UNFLAGGED)
        fields = {
            "visitor": summary.attendee_name or "",
            "phone": format_phone(summary.caller_number),
            "message": list_lines.FLAGS[notice.language][flag],
        }
        when = _when(summary.started_or_created_at, notice, agent)
        return _Said(fields | when, f"/calls/{quote(call_id, safe='')}")

    def _calendar_trouble(self, notice: Notice, agent: Agent) -> _Said:
        account = self._calendars.account(_number(notice))
        if account is None or account.problem is None:
            raise NoLongerTrue(reason=_READ_AGAIN)
        message = f"{account.kind_name}: {account.problem}"
        if account.state == "reauth_required":
            message = f"{message} {list_lines.RECONNECT[notice.language]}"
        return _Said({"message": message}, f"/agents/{quote(agent.agent_id, safe='')}/calendars")

    def _morning_list(self, notice: Notice, agent: Agent) -> _Said:
        day = date.fromisoformat(notice.about.rpartition(":")[2])
        found = self._lists.read(agent, notice.channel, day, self._now())
        if found.is_empty:
            raise NoLongerTrue(reason=_NOTHING)
        message = text_of(found, agent, notice.channel, notice.language)
        when = _when(notice.due_at, notice, agent)
        return _Said({"message": message} | when, f"/agents/{quote(agent.agent_id, safe='')}/day")


def _when(moment: datetime, notice: Notice, agent: Agent) -> dict[str, str]:
    return moment_fields(moment, agent.zone, notice.language, notice.channel)


def _part(notice: Notice, at: int) -> str:
    """Return a part of what a notice is about: `call:abc` has two."""
    return notice.about.split(":", maxsplit=2 if notice.kind == "agent_calendar_trouble" else 1)[at]


def _number(notice: Notice) -> int:
    return int(_part(notice, 1))
