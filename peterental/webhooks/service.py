"""Endpoints of webhooks, as admins manage them, and their deliveries."""

from __future__ import annotations

import logging
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, get_args

from urllib3.exceptions import LocationValueError
from urllib3.util import Url, parse_url

from peterental.access import require_admin
from peterental.audit.model import Change, changed_values
from peterental.calendars.public_addresses import is_local, is_public
from peterental.clock import utc_now
from peterental.database.column_limits import MAX_BIGINT
from peterental.encryption import SENT_TWICE, ProposedSecrets
from peterental.jobs.model import JobRequest
from peterental.webhooks.model import (
    DELIVER_WEBHOOKS,
    MAX_ENDPOINTS,
    MAX_URL_CHARS,
    OLD_SECRET_FOR,
    TEST,
    DeliveryNotOver,
    DeliveryUnknown,
    Endpoint,
    EndpointAddressInvalid,
    EndpointChanged,
    EndpointEntry,
    EndpointIsOff,
    EndpointUnknown,
    EventType,
    IssuedSecret,
    NoEventTypes,
    SecretKeyMissing,
    TooManyEndpoints,
)
from peterental.webhooks.repository import DeliveryRepository, EndpointRepository
from peterental.webhooks.signing import new_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from peterental.access import Viewer
    from peterental.audit.service import AuditService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.encryption import Keyring
    from peterental.jobs.service import JobService
    from peterental.webhooks.model import Delivery

MAX_LISTED = 50
MAX_DELETED = 1_000
"""Deliveries that one statement deletes."""

PURPOSE = "webhook secret"
"""What the secrets are encrypted for."""

_log = logging.getLogger("peterental.webhooks")


class WebhookService:
    """The webhooks of one database; every method raises AdminsOnly for a viewer who is not an admin.

    Args:
        database: where they are stored.
        keyring: encrypts their secrets.
        jobs: deliver.
        audit: records the changes.
        now: returns the present moment, aware.
        may_store: whether secrets may be stored: with a key of their own, or in development.
        allow_private: whether addresses in private networks and plain HTTP are allowed.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        jobs: JobService,
        audit: AuditService,
        now: Callable[[], datetime] = utc_now,
        *,
        may_store: bool = True,
        allow_private: bool = False,
    ) -> None:
        self._database = database
        self._endpoints = EndpointRepository(database)
        self._deliveries = DeliveryRepository(database)
        self._keyring = keyring
        self._proposed = ProposedSecrets(keyring, new_secret)
        self._jobs = jobs
        self._audit = audit
        self._now = now
        self._may_store = may_store
        self._allow_private = allow_private

    def listing(self, viewer: Viewer) -> tuple[Endpoint, ...]:
        """Return all endpoints, the oldest first. One query."""
        require_admin(viewer)
        return tuple(self._endpoints.listing())

    def get(self, endpoint_id: int, viewer: Viewer) -> Endpoint:
        """Return one endpoint. One query. Raises EndpointUnknown."""
        require_admin(viewer)
        endpoint = self._endpoints.get(endpoint_id) if 0 < endpoint_id <= MAX_BIGINT else None
        if endpoint is None:
            raise EndpointUnknown
        return endpoint

    def deliveries(self, viewer: Viewer, endpoint_id: int | None = None) -> tuple[Delivery, ...]:
        """Return the latest deliveries, of one endpoint or of all. One query."""
        require_admin(viewer)
        return tuple(self._deliveries.listing(endpoint_id, MAX_LISTED))

    def propose(self, viewer: Viewer, endpoint_id: int | None = None) -> str:
        """Return what a form carries, so that it adds one endpoint, or replaces a secret once, when it is sent twice.

        No query.

        Args:
            viewer: who sees the form.
            endpoint_id: whose secret it replaces; None for a new endpoint.
        """
        require_admin(viewer)
        return self._proposed.propose(_form_of(viewer, endpoint_id))

    def create(self, endpoint: EndpointEntry, viewer: Viewer, proposed: str = "") -> IssuedSecret:
        """Add an endpoint, and return its secret.

        Args:
            endpoint: what to add.
            viewer: an admin.
            proposed: what the form carries. If the same form just added this endpoint, that one is returned.

        Raises SecretKeyMissing, EndpointAddressInvalid, NoEventTypes, TooManyEndpoints.
        """
        require_admin(viewer)
        self._require_key()
        entry, secret = self._validated(endpoint), self._proposed.read(_form_of(viewer), proposed) or new_secret()
        with self._database.transaction() as connection:
            number = self._endpoints.count(connection)
            made = self._with_secret(connection, secret) if proposed else None
            if made is not None and self._was_just_added(made, entry):
                return IssuedSecret(endpoint=made, secret=secret)
            if made is not None:
                secret = new_secret()
            if number >= MAX_ENDPOINTS:
                raise TooManyEndpoints(number=MAX_ENDPOINTS)
            added = self._endpoints.insert(
                connection,
                url=entry.url,
                event_types=entry.event_types,
                secret=self._keyring.encrypt(PURPOSE, secret),
                by=viewer.email,
                now=self._now(),
            )
            self._record(connection, viewer, "webhook added", added, after=_fields(entry))
        return IssuedSecret(endpoint=added, secret=secret)

    def change(
        self, endpoint_id: int, endpoint: EndpointEntry, viewer: Viewer, *, seen: datetime | None = None
    ) -> None:
        """Change an endpoint's address and events.

        Args:
            endpoint_id: which.
            endpoint: as it is to be.
            viewer: an admin.
            seen: `updated_at` when the form was opened; None to skip the check for edit conflicts.

        Raises EndpointUnknown, EndpointChanged, EndpointAddressInvalid, NoEventTypes.
        """
        require_admin(viewer)
        entry = self._validated(endpoint)
        with self._database.transaction() as connection:
            present = self._locked(connection, endpoint_id)
            stored = EndpointEntry(url=present.url, event_types=present.event_types)
            before, after = changed_values(_fields(stored), _fields(entry))
            if after and seen is not None and seen != present.updated_at:
                raise EndpointChanged
            if after:
                self._endpoints.change(connection, endpoint_id, entry.url, entry.event_types, self._now())
                self._record(connection, viewer, "webhook edited", present, before=before, after=after)

    def set_active(self, endpoint_id: int, viewer: Viewer, *, active: bool) -> None:
        """Turn an endpoint on or off. What waits for one that is turned off is not delivered.

        One that PeteRental turned off and a person leaves off is not reported any more. Raises EndpointUnknown.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            endpoint = self._locked(connection, endpoint_id)
            if endpoint.is_active != active or (endpoint.off_reason is not None and not active):
                self._endpoints.set_active(connection, endpoint_id, self._now(), active=active)
                self._record(
                    connection,
                    viewer,
                    "webhook turned on" if active else "webhook turned off",
                    endpoint,
                    before={"is_active": endpoint.is_active} if endpoint.is_active != active else {},
                    after={"is_active": active},
                )

    def rotate(self, endpoint_id: int, viewer: Viewer, proposed: str = "") -> IssuedSecret:
        """Replace the secret, and return the new one. The old one signs too for a day.

        Args:
            endpoint_id: which.
            viewer: an admin.
            proposed: what the form carries. If the same form just replaced the secret, it is not replaced again: the
                one that the tool knows would no longer sign.

        Raises SecretKeyMissing, EndpointUnknown.
        """
        require_admin(viewer)
        self._require_key()
        secret, now = self._proposed.read(_form_of(viewer, endpoint_id), proposed) or new_secret(), self._now()
        with self._database.transaction() as connection:
            endpoint = self._locked(connection, endpoint_id)
            if self._has_secret(endpoint, secret):
                replaced_at = (endpoint.old_secret_until or now) - OLD_SECRET_FOR
                if abs(now - replaced_at) < SENT_TWICE:
                    return IssuedSecret(endpoint=endpoint, secret=secret)
                secret = new_secret()
            encrypted = self._keyring.encrypt(PURPOSE, secret)
            self._endpoints.rotate(connection, endpoint_id, encrypted, now + OLD_SECRET_FOR, now)
            self._record(connection, viewer, "webhook secret rotated", endpoint)
        return IssuedSecret(endpoint=endpoint, secret=secret)

    def remove(self, endpoint_id: int, viewer: Viewer) -> None:
        """Delete an endpoint and its deliveries. Raises EndpointUnknown.

        It is turned off first, and loses its deliveries in small steps: a booking neither waits for it nor writes a
        delivery to an endpoint that is about to vanish.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            self._locked(connection, endpoint_id)
            self._endpoints.set_active(connection, endpoint_id, self._now(), active=False)
        while self._deliveries.delete_of(endpoint_id, MAX_DELETED) == MAX_DELETED:
            pass
        with self._database.transaction() as connection:
            endpoint = self._locked(connection, endpoint_id)
            self._endpoints.remove(connection, endpoint_id)
            before = _fields(EndpointEntry(url=endpoint.url, event_types=endpoint.event_types))
            self._record(connection, viewer, "webhook removed", endpoint, before=before)

    def send_test(self, endpoint_id: int, viewer: Viewer) -> None:
        """Queue a test delivery. Raises EndpointUnknown, EndpointIsOff."""
        require_admin(viewer)
        with self._database.transaction() as connection:
            if not self._locked(connection, endpoint_id).is_active:
                raise EndpointIsOff
            self._deliveries.add_test(connection, endpoint_id, TEST, self._now())
            self._defer(connection, endpoint_id)

    def deliver_again(self, delivery_id: int, viewer: Viewer) -> int:
        """Deliver again what was given up or delivered, with the same webhook-id. Return the endpoint's number.

        Raises DeliveryUnknown, DeliveryNotOver, EndpointIsOff.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            known = 0 < delivery_id <= MAX_BIGINT
            endpoint_id = self._deliveries.endpoint_of(connection, delivery_id) if known else None
            if endpoint_id is None:
                raise DeliveryUnknown
            endpoint = self._locked(connection, endpoint_id)
            delivery = self._deliveries.lock(connection, delivery_id)
            if delivery is None:
                raise DeliveryUnknown
            if delivery.state == "waiting":
                raise DeliveryNotOver
            if not endpoint.is_active:
                raise EndpointIsOff
            self._deliveries.start_again(connection, delivery_id, self._now())
            self._defer(connection, delivery.endpoint_id)
            self._record(connection, viewer, "webhook delivered again", endpoint)
        return delivery.endpoint_id

    def _defer(self, connection: Connection, endpoint_id: int) -> None:
        self._jobs.defer(connection, JobRequest(task=DELIVER_WEBHOOKS, args={"endpoint_id": endpoint_id}))

    def _locked(self, connection: Connection, endpoint_id: int) -> Endpoint:
        endpoint = self._endpoints.lock(connection, endpoint_id) if 0 < endpoint_id <= MAX_BIGINT else None
        if endpoint is None:
            raise EndpointUnknown
        return endpoint

    def _with_secret(self, connection: Connection, secret: str) -> Endpoint | None:
        """Return the endpoint that has a secret, in a transaction in which none can be added."""
        return next((each for each in self._endpoints.read_all(connection) if self._has_secret(each, secret)), None)

    def _has_secret(self, endpoint: Endpoint, secret: str) -> bool:
        return self._keyring.decrypt(PURPOSE, endpoint.secret) == secret

    def _was_just_added(self, endpoint: Endpoint, entry: EndpointEntry) -> bool:
        """Return whether an endpoint is what a form asks for that added it before."""
        is_same = (endpoint.url, tuple(endpoint.event_types)) == (entry.url, tuple(entry.event_types))
        return is_same and abs(self._now() - endpoint.created_at) < SENT_TWICE

    def _require_key(self) -> None:
        if not self._may_store:
            raise SecretKeyMissing

    def _validated(self, entry: EndpointEntry) -> EndpointEntry:
        """Return an entry whose address may be used, as far as that is known without asking a name server."""
        url = entry.url.strip()
        reason = _objection(url, allow_private=self._allow_private)
        if reason is not None:
            raise EndpointAddressInvalid(reason=reason)
        types: tuple[EventType, ...] = tuple(kind for kind in get_args(EventType) if kind in entry.event_types)
        if not types:
            raise NoEventTypes
        return EndpointEntry(url=url, event_types=types)

    def _record(
        self,
        connection: Connection,
        viewer: Viewer,
        action: str,
        endpoint: Endpoint,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        change = Change(
            action=action,
            subject_kind="webhook",
            subject_id=str(endpoint.endpoint_id),
            subject_name=host_of(endpoint.url),
            before=before or {},
            after=after or {},
        )
        self._audit.record(connection, viewer, change)
        _log.info("%s: %s by %s", action.capitalize(), host_of(endpoint.url), viewer.email)


def _form_of(viewer: Viewer, endpoint_id: int | None = None) -> str:
    """Return the purpose of the secret of a form."""
    what = "new webhook" if endpoint_id is None else f"webhook {endpoint_id}"
    return f"secret of a form: {what} of user {viewer.user_id}"


def host_of(url: str) -> str:
    """Return the host of an endpoint: the path of an address may be a secret."""
    parsed = _parsed(url)
    return (parsed.host if parsed else None) or "an address"


def _fields(entry: EndpointEntry) -> dict[str, object]:
    """Return the fields for the audit log."""
    return {"url": entry.url, "event_types": list(entry.event_types)}


def _objection(url: str, *, allow_private: bool) -> str | None:
    """Return why an address cannot be used; None if it can. Names are looked up at each delivery."""
    parsed = _parsed(url)
    if parsed is None or not parsed.host or re.search(r"[\x00-\x20\x7f]", url):
        return "it is not a web address"
    objections = {
        "it is too long": len(url) > MAX_URL_CHARS,
        "it does not begin with https://": parsed.scheme != "https" and not (parsed.scheme == "http" and allow_private),
        "it has a user name or a password; the signature shows who sends": bool(parsed.auth),
        "it is not on the public internet": not _may_be_public(parsed.host, allow_private=allow_private),
    }
    return next((reason for reason, applies in objections.items() if applies), None)


def _may_be_public(host: str, *, allow_private: bool) -> bool:
    """Return whether a host is a name, or an address that may be used."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return True
    return is_public(address) or (allow_private and is_local(address))


def _parsed(url: str) -> Url | None:
    try:
        return parse_url(url)
    except (LocationValueError, ValueError):
        return None
