"""What agents chose to be notified of, and the notices about something else than a viewing, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.agent_choices.model import Contact, DueList, ListedChange, ListedViewing, StoredChoices
from peterental.properties.lookup import named_home

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.agent_choices.model import Choices, Timing
    from peterental.notices.model import AgentKind, Channel

MAX_VIEWINGS = 60
MAX_CHANGES = 60
"""Rows of a morning list."""

_STORED = """
    SELECT contact.email, contact.phone, users.email AS user_email,
           ARRAY(SELECT ARRAY[kind, channel, timing] FROM agent_notice_choices AS choice
                 WHERE choice.agent_id = agents.agent_id) AS choices
    FROM agents
    LEFT JOIN users ON users.user_id = agents.user_id AND users.is_active
    LEFT JOIN agent_notice_contacts AS contact ON contact.agent_id = agents.agent_id
    WHERE agents.agent_id = %s
"""


class AgentChoicesRepository:
    """What the agents of one database chose. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, agent_id: str) -> StoredChoices:
        """Return what is stored of an agent's choices."""
        return _stored(self._database.fetch(_STORED, (agent_id,)))

    def read(self, connection: Connection, agent_id: str) -> StoredChoices:
        """Return what `get` does, as the transaction sees it."""
        return _stored(connection.execute(_STORED.encode(), [agent_id]).fetchall())

    def store(self, connection: Connection, agent_id: str, contact: Contact, choices: Choices) -> None:
        """Queue storing what an agent chose, in place of what was stored."""
        connection.execute(
            """
            INSERT INTO agent_notice_contacts (agent_id, email, phone) VALUES (%s, %s, %s)
            ON CONFLICT (agent_id) DO UPDATE SET email = EXCLUDED.email, phone = EXCLUDED.phone
            """,
            (agent_id, contact.email, contact.phone),
        )
        connection.execute(
            """
            INSERT INTO agent_notice_choices (agent_id, kind, channel, timing)
            SELECT %s, kind, channel, timing
            FROM unnest(%s::text[], %s::text[], %s::text[]) AS choice (kind, channel, timing)
            ON CONFLICT (agent_id, kind, channel) DO UPDATE SET timing = EXCLUDED.timing
            """,
            (
                agent_id,
                [kind for kind, _ in choices],
                [channel for _, channel in choices],
                list(choices.values()),
            ),
        )

    # --- notices that are not about a viewing ------------------------------------------------------------------------

    def notify(
        self,
        kind: AgentKind,
        subjects: Sequence[tuple[str, str]],
        at: datetime,
        until: datetime,
    ) -> int:
        """Write the notices that agents want at once, each once, and their jobs. Return how many were written.

        Args:
            kind: of the notices.
            subjects: the agent, and what the notice is about, for each.
            at: when they are due.
            until: later they are not sent.
        """
        rows = self._database.fetch(
            """
            SELECT COALESCE(SUM(tell_agent(agent_id, %(kind)s, subject.about, %(at)s, %(until)s)), 0)::int AS number
            FROM unnest(%(agents)s::text[], %(abouts)s::text[]) AS subject (agent_id, about)
            WHERE NOT EXISTS (
                SELECT FROM notices
                WHERE notices.appointment_id IS NULL AND notices.about = subject.about AND notices.kind = %(kind)s
            )
            """,
            {
                "kind": kind,
                "agents": [agent_id for agent_id, _ in subjects],
                "abouts": [about for _, about in subjects],
                "at": at,
                "until": until,
            },
        )
        return int(rows[0]["number"])

    # --- morning lists -----------------------------------------------------------------------------------------------

    def due_lists(self, now: datetime, within: timedelta) -> list[DueList]:
        """Return the morning lists that became due a short while ago, on the agents' clocks, and are not decided on.

        Args:
            now: the present moment, aware.
            within: how late a list may be.
        """
        rows = self._database.fetch(
            """
            SELECT agents.agent_id, today.day
            FROM agents
            CROSS JOIN notice_settings
            CROSS JOIN LATERAL (SELECT (%(now)s::timestamptz AT TIME ZONE agents.time_zone)::date AS day) AS today
            CROSS JOIN LATERAL (SELECT (today.day + list_at) AT TIME ZONE agents.time_zone AS moment) AS due
            LEFT JOIN agent_notice_contacts AS contact ON contact.agent_id = agents.agent_id
            WHERE agents.is_active
                AND due.moment <= %(now)s AND due.moment > %(now)s::timestamptz - %(within)s::interval
                AND contact.listed_on IS DISTINCT FROM today.day
                AND EXISTS (SELECT FROM notice_channels)
            ORDER BY agents.agent_id
            """,
            {"now": now, "within": within},
        )
        return [DueList(**row) for row in rows]

    def decide_list(self, due: DueList, *, has_content: bool, at: datetime, until: datetime) -> bool:
        """Write the notices of a morning list, unless it is empty, and record that its day is decided.

        One statement: of several workers one does it. Returns whether this one did.

        Args:
            due: the list.
            has_content: whether it is to be written.
            at: when it is due.
            until: later it is not sent.
        """
        rows = self._database.fetch(
            """
            WITH decided AS (
                INSERT INTO agent_notice_contacts (agent_id, listed_on) VALUES (%(agent_id)s, %(day)s)
                ON CONFLICT (agent_id) DO UPDATE SET listed_on = EXCLUDED.listed_on
                WHERE agent_notice_contacts.listed_on IS DISTINCT FROM EXCLUDED.listed_on
                RETURNING agent_id
            )
            SELECT CASE WHEN %(has_content)s
                        THEN tell_agent(agent_id, 'agent_morning_list', %(about)s, %(at)s, %(until)s) END AS number
            FROM decided
            """,
            {
                "agent_id": due.agent_id,
                "day": due.day,
                "about": due.about,
                "has_content": has_content,
                "at": at,
                "until": until,
            },
        )
        return bool(rows)

    def listed_until(self, channel: Channel, abouts: Sequence[str]) -> datetime | None:
        """Return until when the latest of some lists covered the changes, by a channel; None if none was sent."""
        rows = self._database.fetch(
            """
            SELECT MAX(due_at) AS until FROM notices
            WHERE appointment_id IS NULL AND about = ANY (%s) AND kind = 'agent_morning_list' AND channel = %s
                AND handed_over_at IS NOT NULL
            """,
            (list(abouts), channel),
        )
        until: datetime | None = rows[0]["until"]
        return until

    def viewings(self, agent_id: str, since: datetime, until: datetime) -> list[ListedViewing]:
        """Return the confirmed viewings of an agent that start between two moments."""
        rows = self._database.fetch(
            f"""
            SELECT start_time AS start, {named_home()}, attendee_name,
                   COALESCE(attendee_phone, caller_number) AS phone, confirmed_at IS NOT NULL AS is_confirmed
            FROM appointments
            WHERE agent_id = %s AND status = 'confirmed' AND start_time >= %s AND start_time < %s
            ORDER BY start_time, id
            LIMIT %s
            """,
            (agent_id, since, until, MAX_VIEWINGS),
        )
        return [ListedViewing(**row) for row in rows]

    def changes(
        self, agent_id: str, kinds: Sequence[AgentKind], since: datetime, until: datetime
    ) -> list[ListedChange]:
        """Return what happened to viewings of an agent between two moments, except by its user.

        Also of those that another agent took over since.

        Only viewings that were to start after the first of both: others are over.
        """
        rows = self._database.fetch(
            f"""
            SELECT change.kind, viewing.start_time AS start, {named_home("viewing")}, viewing.attendee_name
            FROM (
                SELECT id FROM appointments WHERE agent_id = %(agent_id)s AND start_time >= %(since)s
                UNION
                SELECT appointment_id FROM appointment_events
                WHERE changes ? 'agent_id' AND changes #>> '{{agent_id,0}}' = %(agent_id)s AND happened_at >= %(since)s
            ) AS own
            JOIN appointments AS viewing ON viewing.id = own.id
            JOIN appointment_events AS event ON event.appointment_id = viewing.id
            CROSS JOIN LATERAL (
                SELECT 'agent_' || CASE
                    WHEN event.changes #>> '{{agent_id,0}}' = %(agent_id)s THEN 'reassigned'
                    WHEN event.kind = 'reopened' OR event.changes #>> '{{agent_id,1}}' = %(agent_id)s THEN 'booked'
                    WHEN event.changes ?| '{{home,minutes}}' THEN 'changed'
                    ELSE event.kind
                END AS kind
            ) AS change
            WHERE (viewing.agent_id = %(agent_id)s OR event.changes #>> '{{agent_id,0}}' = %(agent_id)s)
                AND viewing.start_time >= %(since)s
                AND event.happened_at >= %(since)s AND event.happened_at < %(until)s
                AND change.kind = ANY (%(kinds)s)
                AND event.actor IS DISTINCT FROM (
                    SELECT users.email FROM agents JOIN users USING (user_id) WHERE agents.agent_id = %(agent_id)s
                )
            ORDER BY event.happened_at, event.event_id
            LIMIT %(limit)s
            """,
            {"agent_id": agent_id, "kinds": list(kinds), "since": since, "until": until, "limit": MAX_CHANGES},
        )
        return [ListedChange(**row) for row in rows]


def _stored(rows: Sequence[dict[str, object]]) -> StoredChoices:
    row: dict[str, object] = dict(rows[0]) if rows else {"email": None, "phone": None, "user_email": None}
    stored = row.get("choices") or []
    assert isinstance(stored, list)  # noqa: S101  # tells mypy; an array
    choices: dict[tuple[AgentKind, Channel], Timing] = {(kind, channel): timing for kind, channel, timing in stored}
    email, phone, user_email = (
        value if isinstance(value := row[name], str) else None for name in ("email", "phone", "user_email")
    )
    return StoredChoices(contact=Contact(email=email, phone=phone), user_email=user_email, choices=choices)
