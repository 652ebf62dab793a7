"""Sessions: started by a sign-in, ended on the server, listed for their user."""

from __future__ import annotations

import hashlib
import logging
import secrets
from dataclasses import replace

from peterental.access import Viewer
from peterental.audit.service import AuditService
from peterental.config import SecondFactorPolicy
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.errors import Fault
from peterental.users.changes import user_change
from peterental.users.failure_log import FailureLog
from peterental.users.model import Client, SessionInfo, SessionUnknown, SessionViewer, SignedIn
from peterental.users.session_repository import SessionRepository

TOKEN_BYTES = 32


_log = logging.getLogger("peterental.users")


class SessionService:
    """The sessions of one database.

    Args:
        database: where sessions are stored.
        audit: records sign-ins and sign-outs.
        second_factor: who must have a second factor.
    """

    def __init__(self, database: Database, audit: AuditService, second_factor: SecondFactorPolicy = "") -> None:
        self._database = database
        self._sessions = SessionRepository(database)
        self._audit = audit
        self._failures = FailureLog(database, audit)
        self._second_factor = second_factor

    def start(self, signed_in: SignedIn, client: Client, *, replaces: str | None = None) -> str:
        """Start a session and return its token, which only the browser's cookie holds.

        Args:
            signed_in: who signed in.
            client: the browser, for the user's list of sessions.
            replaces: the token of the browser's earlier session, which ends.
        """
        token, viewer = secrets.token_urlsafe(TOKEN_BYTES), signed_in.viewer
        with self._database.transaction() as connection:
            # This locks its user, as all that ends sessions does first: the two must not wait for each other.
            self._sessions.insert(
                connection,
                viewer,
                signed_in.session_epoch,
                _hash(token),
                client,
                needs_no_second_factor=signed_in.had_no_second_factor,
            )
            if replaces is not None:
                self._sessions.end_token(connection, _hash(replaces))
            after: dict[str, object] = {
                "address": client.address,
                "browser": client.browser,
                "second_factor": signed_in.second_factor,
            }
            failures = self._failures.take(connection, viewer.user_id)
            if failures:
                after["failed_attempts"] = failures
            self._record(connection, "signed in", viewer, after)
        _log.info("Signed in: %s from %s", viewer.email, client.address)
        return token

    def viewer(self, token: str) -> SessionViewer | None:
        """Return the viewer of a token; None if the session ended, expired, or its user is deactivated.

        One query, and once a minute a second one that renews the time of the last request.
        """
        found = self._sessions.find(_hash(token))
        if found is None:
            return None
        if found["is_stale"]:
            self._touch(found["session_id"])
        is_admin = found["role"] == "admin"
        return SessionViewer(
            viewer=Viewer(found["user_id"], found["email"], is_admin, found["session_id"]),
            needs_second_factor=self.requires_second_factor(is_admin=is_admin) and not found["has_second_factor"],
        )

    def requires_second_factor(self, *, is_admin: bool) -> bool:
        """Return whether the office requires a second factor of such a user."""
        return self._second_factor == "all" or (self._second_factor == "admins" and is_admin)

    def own(self, viewer: Viewer) -> tuple[SessionInfo, ...]:
        """Return the viewer's valid sessions, the latest request first. One query."""
        return tuple(
            replace(session, is_current=session.session_id == viewer.session_id)
            for session in self._sessions.valid(viewer.user_id)
        )

    def sign_out(self, viewer: Viewer) -> None:
        """End the viewer's current session, wherever its cookie was copied."""
        self._end(viewer, viewer.session_id, "signed out")

    def end_own(self, session_id: int, viewer: Viewer) -> None:
        """End one of the viewer's sessions; one that has ended stays so. Raises SessionUnknown."""
        if self._end(viewer, session_id, "session ended") is None:
            raise SessionUnknown

    def end_others(self, viewer: Viewer) -> None:
        """End all of the viewer's sessions but the current one."""
        with self._database.transaction() as connection:
            self._sessions.end_others(connection, viewer.user_id, viewer.session_id)
            self._record(connection, "other sessions ended", viewer)
        _log.info("Other sessions ended: %s", viewer.email)

    def _end(self, viewer: Viewer, session_id: int | None, action: str) -> bool | None:
        """End a session. Return whether it had not ended before; None if the viewer has no such session."""
        if session_id is None:
            return None
        with self._database.transaction() as connection:
            is_ended = self._sessions.end(connection, viewer.user_id, session_id)
            if is_ended:
                self._record(connection, action, viewer)
        if is_ended:
            _log.info("%s: %s", action.capitalize(), viewer.email)
        return is_ended

    def _touch(self, session_id: int) -> None:
        """Renew the time of the last request; a page does not fail because that fails."""
        try:
            self._sessions.touch(session_id)
        except Fault as fault:
            _log.warning("The time of a session's last request was not stored: %s", fault)

    def _record(
        self, connection: Connection, action: str, viewer: Viewer, after: dict[str, object] | None = None
    ) -> None:
        self._audit.record(connection, viewer, user_change(action, viewer.user_id, viewer.email, after=after))


def _hash(token: str) -> bytes:
    """Return the hash of a token. The token is random, so that a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
