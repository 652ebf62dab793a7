"""Deliver webhooks: one process at a time for each endpoint, at least once, with a bounded time for each attempt.

A message is written from the present state of its viewing, at each attempt: no delivery stores a visitor's data, and a
late one says nothing that is no longer true. What the event itself says (when, by whom, from when to when) is in
the message too.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from peterental.appointments.manual.repository import ManualBookingRepository
from peterental.appointments.viewing_document import viewing_document
from peterental.clock import in_utc, utc_now
from peterental.jobs.model import JobRequest
from peterental.plural import counted
from peterental.webhooks.model import (
    DELIVER_WEBHOOKS,
    KEPT_FOR,
    MAX_ANSWER_CHARS,
    OFF_AFTER,
    WAITS,
    Attempt,
    Delivery,
    Endpoint,
)
from peterental.webhooks.repository import DeliveryRepository, EndpointRepository
from peterental.webhooks.service import PURPOSE
from peterental.webhooks.signing import signature_header

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.encryption import Keyring
    from peterental.jobs.service import JobService

ATTEMPT_TIMEOUT_S = 15.0
"""For looking up the name, connecting, sending and reading the answer together."""

LEASE = timedelta(minutes=1)
"""Longer than an attempt: a process that vanished holds the endpoint for no longer."""

RUN_FOR_S = 60.0
"""A job delivers for so long, and leaves the rest to the next one."""

LOST_AFTER = timedelta(minutes=1)
"""A delivery that was due so long ago has no job any more, or its endpoint did not answer others."""

MAX_DELETED = 500


class WebhookSender:
    """Delivers what waits.

    Args:
        database: where deliveries are stored.
        keyring: decrypts the secrets.
        jobs: begin the next attempts.
        now: returns the present moment, aware.
        allow_private: whether loopback, private networks and plain HTTP are allowed.
        timeout_s: for one attempt.
        notify_turned_off: notifies the admins, in the transaction that turns an endpoint off at a moment.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        jobs: JobService,
        now: Callable[[], datetime] = utc_now,
        *,
        allow_private: bool = False,
        timeout_s: float = ATTEMPT_TIMEOUT_S,
        notify_turned_off: Callable[[Connection, int, datetime], None] | None = None,
    ) -> None:
        self._database = database
        self._endpoints = EndpointRepository(database)
        self._deliveries = DeliveryRepository(database)
        self._viewings = ManualBookingRepository(database)
        self._keyring = keyring
        self._jobs = jobs
        self._now = now
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._notify_turned_off = notify_turned_off

    def deliver(self, endpoint_id: int) -> None:
        """Deliver what is due to an endpoint, unless another process does.

        It ends at the first attempt that shows that the endpoint cannot answer; what is due then is tried again later.
        """
        now = self._now()
        if not self._endpoints.lease(endpoint_id, now, now + LEASE):
            return
        lease = _Lease(self._endpoints, endpoint_id, now + LEASE)
        try:
            is_open = self._deliver_due(endpoint_id, lease)
        finally:
            lease.release()
        # What was written after the last look found the lease taken by this run.
        if is_open and self._deliveries.next_due(endpoint_id, self._now()) is not None:
            self._jobs.defer_once(_job(endpoint_id), f"{DELIVER_WEBHOOKS} {endpoint_id}")

    def plan(self, keep: timedelta = KEPT_FOR) -> int:
        """Queue jobs for deliveries that have none any more, and delete old ones. Return how many were queued.

        Args:
            keep: how long deliveries are kept after they ended.
        """
        now = self._now()
        self._deliveries.delete_old(now - min(keep, KEPT_FOR), MAX_DELETED)
        due = self._deliveries.due_endpoints(now - LOST_AFTER, now)
        return sum(self._jobs.defer_once(_job(number), f"{DELIVER_WEBHOOKS} {number}") for number in due)

    def _deliver_due(self, endpoint_id: int, lease: _Lease) -> bool:
        """Return whether the endpoint can take more, if there is more."""
        ends_at_s = time.monotonic() + RUN_FOR_S
        while time.monotonic() < ends_at_s:
            endpoint = self._endpoints.get(endpoint_id)
            delivery = self._deliveries.next_due(endpoint_id, self._now())
            if endpoint is None or not endpoint.is_active:
                return False
            if delivery is None:
                return True
            attempt = self._attempt(endpoint, delivery)
            self._record(endpoint, delivery, attempt)
            if attempt.is_gone or attempt.is_overloaded or not lease.renew(self._now() + LEASE):
                return False
        return True

    def _attempt(self, endpoint: Endpoint, delivery: Delivery) -> Attempt:
        began_at, began_s = self._now(), time.monotonic()

        def ended(status: int | None = None, **more: Any) -> Attempt:
            duration_ms = round((time.monotonic() - began_s) * 1000)
            return Attempt(began_at=began_at, duration_ms=duration_ms, status=status, **more)

        keys = self._secrets(endpoint, began_at)
        if not keys:
            return ended(problem="Its secret cannot be decrypted: CREDENTIALS_KEY has changed. Rotate the secret.")
        body = self._message(delivery)
        timestamp = int(began_at.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature_header(keys, delivery.webhook_id, timestamp, body),
        }
        return self._post(endpoint.url, headers, body, ended)

    def _post(self, url: str, headers: dict[str, str], body: bytes, ended: Callable[..., Attempt]) -> Attempt:
        # Pages that only list webhooks do not load the HTTP client.
        from peterental.calendars.http import HttpClient, retry_after_s  # noqa: PLC0415 - see above
        from peterental.calendars.model import AddressNotAllowed, CalendarFault  # noqa: PLC0415 - see above

        http = HttpClient(
            timeout_s=self._timeout_s, allow_private=self._allow_private, max_bytes=MAX_ANSWER_CHARS, cuts_off=True
        )
        try:
            answer = http.request("POST", url, headers=headers, body=body, follow=False)
        except (AddressNotAllowed, CalendarFault) as fault:
            reason = str(fault.values.get("reason"))
            return ended(problem=f"{reason[:1].upper()}{reason[1:]}.")
        finally:
            http.close()
        text = answer.body.decode("utf-8", "replace").replace("\x00", "")[:MAX_ANSWER_CHARS] or None
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's own numbers
            return ended(answer.status, answer=text)
        wait_s = retry_after_s(answer.headers) if "Retry-After" in answer.headers else None
        return ended(answer.status, answer=text, problem=f"It answered {answer.status}.", retry_after_s=wait_s)

    def _message(self, delivery: Delivery) -> bytes:
        """Return the body: what happened, and the viewing as it is now."""
        data: dict[str, Any] = {"test": True}
        if delivery.event_id is not None and delivery.appointment_id is not None:
            event = self._deliveries.event(delivery.event_id)
            with self._database.transaction() as connection:
                viewing = self._viewings.get(connection, delivery.appointment_id, None)
            data = {
                "event": {
                    "sequence": delivery.event_id,
                    "kind": event.kind if event else None,
                    "actor": event.actor if event else None,
                    "old_start": in_utc(event.old_start if event else None),
                    "new_start": in_utc(event.new_start if event else None),
                    "changes": (event.changes if event else None) or {},
                },
                "viewing": viewing_document(viewing) if viewing else None,
            }
        happened_at = in_utc(delivery.happened_at)
        return msgspec.json.encode({"type": delivery.event_type, "timestamp": happened_at, "data": data})

    def _secrets(self, endpoint: Endpoint, now: datetime) -> list[str]:
        """Return the secrets that sign now, the newest first."""
        stored = [endpoint.secret]
        if endpoint.old_secret and endpoint.old_secret_until and endpoint.old_secret_until > now:
            stored.append(endpoint.old_secret)
        found = (self._keyring.decrypt(PURPOSE, text) for text in stored)
        return [secret for secret in found if secret]

    def _record(self, endpoint: Endpoint, delivery: Delivery, attempt: Attempt) -> None:
        """Record an attempt; queue the next one, or turn off an endpoint that is gone or has failed for days."""
        now = self._now()
        with self._database.transaction() as connection:
            if attempt.problem is None:
                self._deliveries.note_success(connection, endpoint.endpoint_id)
                self._deliveries.record(
                    connection, delivery, attempt, state="delivered", next_attempt_at=now, ended_at=now
                )
                return
            since = self._deliveries.note_failure(connection, endpoint.endpoint_id, now)
            next_at = _next_attempt_at(delivery.attempts, attempt, now)
            self._deliveries.record(
                connection,
                delivery,
                attempt,
                state="waiting" if next_at else "failed",
                next_attempt_at=next_at or now,
                ended_at=None if next_at else now,
            )
            reason = _reason_to_turn_off(attempt, now - since, is_last=next_at is None)
            if reason is not None:
                self._endpoints.set_active(connection, endpoint.endpoint_id, now, active=False, reason=reason)
                if self._notify_turned_off is not None:
                    self._notify_turned_off(connection, endpoint.endpoint_id, now)
            elif next_at is not None:
                self._jobs.defer(connection, _job(endpoint.endpoint_id, next_at))


class _Lease:
    """The right of this process to deliver to an endpoint, until it ends or is released.

    Args:
        endpoints: stores it.
        endpoint_id: which.
        until: when it ends, aware.
    """

    def __init__(self, endpoints: EndpointRepository, endpoint_id: int, until: datetime) -> None:
        self._endpoints = endpoints
        self._endpoint_id = endpoint_id
        self._until = until

    def renew(self, until: datetime) -> bool:
        """Extend it; return False if it ended and another process has it."""
        if not self._endpoints.renew_lease(self._endpoint_id, self._until, until):
            return False
        self._until = until
        return True

    def release(self) -> None:
        """Release it, unless another process has it."""
        self._endpoints.release(self._endpoint_id, self._until)


def _job(endpoint_id: int, not_before: datetime | None = None) -> JobRequest:
    return JobRequest(task=DELIVER_WEBHOOKS, args={"endpoint_id": endpoint_id}, not_before=not_before)


def _next_attempt_at(attempts: int, attempt: Attempt, now: datetime) -> datetime | None:
    """Return when to try again; None if this was the last attempt."""
    if attempts >= len(WAITS):
        return None
    return now + max(WAITS[attempts], timedelta(seconds=attempt.retry_after_s or 0))


def _reason_to_turn_off(attempt: Attempt, failing_for: timedelta, *, is_last: bool) -> str | None:
    """Return why to turn off an endpoint; None for no reason.

    A failure days after the one before, with nothing to deliver between them, is no reason: only a delivery whose last
    attempt failed shows that the endpoint has been away for long.
    """
    if attempt.is_gone:
        return "It answered 410 (Gone), which means that it wants no more deliveries."
    if is_last and failing_for >= OFF_AFTER:
        return f"It accepted nothing for {counted(failing_for.days, 'day')}. The last problem: {attempt.problem}"
    return None
