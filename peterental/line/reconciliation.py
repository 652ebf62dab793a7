"""Fetch the calls whose end-of-call report never came, and record them as reports."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from peterental.agents.model import AgentKey
from peterental.errors import PeteRentalError
from peterental.line.api import JOB_TIMEOUT_S
from peterental.line.model import Remote
from peterental.voice import messages
from peterental.voice.sanitize import parse_timestamp

if TYPE_CHECKING:
    from peterental.line.account_service import AccountService
    from peterental.line.repository import LineRepository
    from peterental.services import Services

RECENT = timedelta(hours=2)
WHOLE = timedelta(days=3)
REPORT_DELAY = timedelta(minutes=5)
"""A report may still be on its way for this long after the end of a call."""

log = logging.getLogger(__name__)


class ReconciliationService:
    """Compares the calls of one database with Vapi's list.

    Args:
        repository: of lines.
        accounts: opens the account.
        services: record calls, and know whose they are.
        now: returns the current time, aware.
    """

    def __init__(
        self, repository: LineRepository, accounts: AccountService, services: Services, now: Callable[[], datetime]
    ) -> None:
        self._repository = repository
        self._accounts = accounts
        self._services = services
        self._now = now

    def reconcile(self, period: timedelta) -> int:
        """Record the agents' calls of a period whose report never came, each once; return how many there were.

        The reason why it fails is stored with the account. Raises VapiTrouble, AccountKeyUnreadable.
        """
        if not self._accounts.is_connected():
            return 0
        now = self._now()
        try:
            with self._accounts.open(JOB_TIMEOUT_S) as api:
                listed = api.calls(now - period)
        except PeteRentalError as error:
            self._repository.record_problem(str(error))
            raise
        ended = {str(call["id"]): call for call in listed if _has_ended(call, now - REPORT_DELAY)}
        missing = self._services.calls.without_report(list(ended))
        missing -= self._repository.fetched(list(missing))
        recorded = 0
        for call_id in sorted(missing, key=lambda call_id: str(ended[call_id].get("createdAt"))):
            try:
                recorded += self._record(ended[call_id])
            except Exception:  # of one call: the others are recorded, and the next run tries again
                log.exception("A call that was fetched could not be recorded", extra={"call_id": call_id})
            else:
                self._repository.record_fetched(call_id, now)
        self._repository.record_reconciled(now, now - 2 * WHOLE)
        return recorded

    def _record(self, call: Remote) -> bool:
        """Record a call as the webhook records its report; return False for a call of no agent.

        Raises what the database raises.
        """
        body = json.dumps({"message": {"type": "end-of-call-report", "call": call}}).encode()
        envelope = messages.decode(body)
        if envelope.agent_key == AgentKey() or self._services.agents.find(envelope.agent_key) is None:
            return False
        update = envelope.call_update()
        if update is None:
            return False
        self._services.calls.record_fetched(update)
        log.info("The report of a call never came; the call was fetched", extra={"call_id": envelope.vapi_call_id})
        return True


def _has_ended(call: Remote, before: datetime) -> bool:
    """Return whether a call ended so long ago that its report has arrived or is lost."""
    if call.get("status") != "ended":
        return False
    ended_at = parse_timestamp(call.get("endedAt")) or parse_timestamp(call.get("updatedAt"))
    return ended_at is None or ended_at <= before
