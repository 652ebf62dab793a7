"""The viewings whose reminder is due, in PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.jobs.repository import deferral_sql
from peterental.notices.model import SEND_NOTICES

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.pool import Database
    from peterental.notices.reminders import Reminder

_SWITCHES = {"reminder_day": "reminds_day_before", "reminder_hours": "reminds_hours_before"}
"""The setting that turns a reminder on."""

_PLAN = f"""
    WITH planned AS (
        INSERT INTO notices (
            appointment_id, agent_id, kind, channel, audience, recipient, revision, language, due_at, expires_at,
            created_at
        )
        SELECT viewing.id, viewing.agent_id, %(kind)s, way.channel, 'visitor', way.recipient, viewing.sequence,
               agents.language, viewing.start_time - %(due)s::interval, viewing.start_time - %(expires)s::interval,
               %(now)s
        FROM appointments AS viewing
        JOIN agents USING (agent_id)
        CROSS JOIN notice_settings AS office
        CROSS JOIN LATERAL (
            VALUES
                ('text', COALESCE(viewing.attendee_phone, viewing.caller_number), office.texts_visitors),
                ('email', viewing.attendee_email, office.mails_visitors)
        ) AS way (channel, recipient, is_on)
        JOIN notice_channels USING (channel)
        WHERE viewing.status = 'confirmed' AND office.{{switch}} AND way.is_on
            AND viewing.start_time > %(now)s::timestamptz + %(expires)s::interval
            AND viewing.start_time <= %(now)s::timestamptz + %(due)s::interval
            AND way.recipient ~ CASE way.channel WHEN 'text' THEN '^\\+[1-9][0-9]{{{{7,14}}}}$' ELSE '@' END
            AND NOT EXISTS (
                SELECT FROM notices AS told
                WHERE told.appointment_id = viewing.id AND told.kind = %(kind)s AND told.channel = way.channel
                    AND told.recipient = way.recipient AND told.revision = viewing.sequence
            )
            AND COALESCE((
                SELECT MAX(happened_at) FROM appointment_events
                WHERE appointment_id = viewing.id
                    AND (
                        appointment_events.kind IN ('booked', 'moved', 'reopened')
                        OR appointment_events.changes ?| '{{{{home,agent_id,minutes}}}}'
                    )
            ), viewing.created_at, '-infinity') <= viewing.start_time - %(settled)s::interval
        ORDER BY viewing.start_time, viewing.id
        LIMIT %(limit)s
        ON CONFLICT DO NOTHING
        RETURNING appointment_id
    ), jobs AS (
        SELECT {deferral_sql(SEND_NOTICES, "jsonb_build_object('appointment_id', appointment_id)")}
        FROM (SELECT DISTINCT appointment_id FROM planned) AS viewings
    )
    SELECT (SELECT COUNT(*) FROM planned) AS planned, (SELECT COUNT(*) FROM jobs) AS jobs
"""


class ReminderRepository:
    """The reminders of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, reminder: Reminder, now: datetime, limit: int) -> int:
        """Write at most so many due reminders of one kind and the jobs that send them; return how many. One round trip.

        A viewing that is moved gets new ones, since its sequence has grown, and so does another number.
        """
        (row,) = self._database.fetch(
            _PLAN.format(switch=_SWITCHES[reminder.kind]),
            {
                "kind": reminder.kind,
                "due": reminder.due_before,
                "expires": reminder.expires_before,
                "settled": reminder.settled_before,
                "now": now,
                "limit": limit,
            },
        )
        return int(row["planned"])
