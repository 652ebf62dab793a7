"""Endpoints of webhooks, what is delivered to them, and the errors about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from peterental.errors import NotFound, Refusal

DELIVER_WEBHOOKS = "deliver_webhooks"
"""The name of the task that delivers; the trigger of migration 034 queues its jobs."""

EventType = Literal[
    "viewing.booked",
    "viewing.moved",
    "viewing.edited",
    "viewing.cancelled",
    "viewing.restored",
    "viewing.completed",
    "viewing.no_show",
]
"""The events of an endpoint. A viewing that is released because its visitor did not confirm is cancelled."""

TEST = "webhook.test"
"""The type of a test delivery."""

DeliveryState = Literal["waiting", "delivered", "failed"]

WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 60, 300, 1800, 7200, 18_000, 36_000, 43_200, 50_400, 50_400, 50_400)
)
"""How long after each failed attempt the next one is made: twelve attempts within three days."""

OFF_AFTER = timedelta(days=5)
"""An endpoint that accepted nothing for so long is turned off when a delivery to it is given up."""

OLD_SECRET_FOR = timedelta(days=1)
"""How long the secret before a rotation signs too."""

KEPT_FOR = timedelta(days=30)
"""How long deliveries are shown after they ended."""

MAX_ENDPOINTS = 20
MAX_URL_CHARS = 2_000
MAX_ANSWER_CHARS = 1_000
KEY_PREFIX = "whsec_"
SECRET_BYTES = 32


class EndpointUnknown(NotFound):
    """There is no such webhook."""


class DeliveryUnknown(NotFound):
    """There is no such delivery."""


class EndpointAddressInvalid(Refusal):
    """That address cannot be used: {reason}."""


class NoEventTypes(Refusal):
    """Choose at least one event."""


class TooManyEndpoints(Refusal):
    """There can be at most {number} webhooks. Remove one that is not used."""


class EndpointIsOff(Refusal):
    """This webhook is off. Turn it on first."""


class EndpointChanged(Refusal):
    """Another admin changed this webhook after you opened it, so your changes were not saved."""


class SecretKeyMissing(Refusal):
    """Webhooks cannot be added yet: set CREDENTIALS_KEY, which encrypts their secrets."""


class DeliveryNotOver(Refusal):
    """That delivery is still waiting for its next attempt, so nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class EndpointEntry:
    """An endpoint as an admin enters it."""

    url: str
    event_types: tuple[EventType, ...]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An endpoint as stored. Times are UTC.

    Args:
        endpoint_id: its number.
        url: where deliveries are posted to.
        event_types: of what it receives events.
        secret, old_secret: sign deliveries, encrypted; the old one until `old_secret_until`.
        is_active: whether anything is delivered.
        off_reason: why PeteRental turned it off; None if a person did, or if it is on.
        failing_since: since when no attempt succeeded; None if the last one did.
        waiting: how many deliveries wait.
        created_by: the e-mail address of the admin who added it.
        updated_at: when it last changed.
    """

    endpoint_id: int
    url: str
    event_types: tuple[EventType, ...]
    secret: str = field(repr=False)
    old_secret: str | None = field(default=None, repr=False)
    old_secret_until: datetime | None = None
    is_active: bool
    off_reason: str | None = None
    failing_since: datetime | None = None
    waiting: int = 0
    created_by: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class IssuedSecret:
    """A new secret of an endpoint. It is shown once; the database has it encrypted."""

    endpoint: Endpoint
    secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message to one endpoint. Times are UTC.

    Args:
        delivery_id: its number.
        endpoint_id, url: where it goes.
        message_id: the webhook-id, the same for every attempt.
        event_type: an EventType, or TEST.
        event_id: the event of the viewing's history; None for a test.
        appointment_id: the viewing; None for a test.
        happened_at: when it happened.
        state: whether it waits, was delivered or failed.
        attempts: how many there were.
        next_attempt_at: when the next one is due.
        attempted_at: when the last one began.
        status: the HTTP status of the last answer; None if there was none.
        problem: why the last attempt failed.
        answer: the beginning of the last answer.
        duration_ms: how long the last attempt took.
        ended_at: when it was delivered, or given up.
    """

    delivery_id: int
    endpoint_id: int
    url: str
    message_id: UUID
    event_type: str
    event_id: int | None
    appointment_id: int | None
    happened_at: datetime
    state: DeliveryState
    attempts: int
    next_attempt_at: datetime
    attempted_at: datetime | None
    status: int | None
    problem: str | None
    answer: str | None
    duration_ms: int | None
    ended_at: datetime | None

    @property
    def webhook_id(self) -> str:
        """The header `webhook-id`."""
        return f"msg_{self.message_id.hex}"


@dataclass(frozen=True, kw_only=True)
class ViewingEvent:
    """What an event of a viewing's history says."""

    event_id: int
    kind: str
    happened_at: datetime
    actor: str
    old_start: datetime | None
    new_start: datetime | None
    changes: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What came of one attempt.

    Args:
        began_at: when, aware.
        duration_ms: how long it took.
        status: the HTTP status of the answer; None if there was none.
        problem: why it failed; None for a success.
        answer: the beginning of the answer.
        retry_after_s: for how long the endpoint asks to be left alone.
    """

    began_at: datetime
    duration_ms: int
    status: int | None = None
    problem: str | None = None
    answer: str | None = None
    retry_after_s: float | None = None

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it wants nothing any more."""
        return self.status == 410  # noqa: PLR2004 - Gone

    @property
    def is_overloaded(self) -> bool:
        """Whether the endpoint cannot take anything at the moment: the others would fail, too."""
        return self.problem is not None and (self.status is None or self.status == 429 or self.status >= 500)  # noqa: PLR2004 - HTTP's own numbers
