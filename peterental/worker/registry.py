"""All tasks that a worker runs."""

from __future__ import annotations

from peterental.worker.agent_notices import TELL_AGENTS
from peterental.worker.calendars import CALENDAR_TASKS
from peterental.worker.finish_migrations import FINISH_MIGRATIONS
from peterental.worker.homes import HOME_TASKS
from peterental.worker.lines import LINE_TASKS
from peterental.worker.notices import NOTICE_TASKS
from peterental.worker.password_resets import PASSWORD_RESETS
from peterental.worker.reduce_calls import REDUCE_CALLS
from peterental.worker.release_viewings import RELEASE_VIEWINGS
from peterental.worker.task import Task
from peterental.worker.time_off import EXTEND_TIME_OFF
from peterental.worker.uploads import DELETE_UPLOADS
from peterental.worker.waitlist import WAITLIST_TASKS
from peterental.worker.webhooks import WEBHOOK_TASKS

TASKS: tuple[Task, ...] = (
    DELETE_UPLOADS,
    EXTEND_TIME_OFF,
    FINISH_MIGRATIONS,
    REDUCE_CALLS,
    RELEASE_VIEWINGS,
    *CALENDAR_TASKS,
    *HOME_TASKS,
    *LINE_TASKS,
    *NOTICE_TASKS,
    PASSWORD_RESETS,
    TELL_AGENTS,
    *WAITLIST_TASKS,
    *WEBHOOK_TASKS,
)
