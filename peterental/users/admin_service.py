"""User administration: list and invite users, change roles, deactivate."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from peterental.access import Role, Viewer, require_admin
from peterental.audit.service import AuditService
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.users.changes import user_change
from peterental.users.model import (
    NO_PASSWORD,
    EmailTaken,
    LastAdmin,
    PasswordGrant,
    UserDeactivated,
    UserDetails,
    UserPage,
    UserUnknown,
)
from peterental.users.repository import UserRepository
from peterental.users.service import normalize_email, normalize_name
from peterental.users.session_repository import SessionRepository

PAGE_SIZE = 50

NotifyInvited = Callable[[Connection, str, PasswordGrant], object]
"""Queues telling an e-mail address that its user was invited, with the grant of the link, in the same transaction."""

_log = logging.getLogger("peterental.users")


class UserAdminService:
    """User administration; every method raises AdminsOnly for a viewer who is not an admin.

    Args:
        database: where users are stored.
        audit: records the changes.
        notify_invited: called when a user without a password gets a link.
    """

    def __init__(
        self, database: Database, audit: AuditService, notify_invited: NotifyInvited = lambda *_: None
    ) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._sessions = SessionRepository(database)
        self._audit = audit
        self._notify_invited = notify_invited

    def listing(self, viewer: Viewer, *, text: str = "", page: int = 1) -> UserPage:
        """Return one page of the users by e-mail address, the deactivated ones last.

        One query.

        Args:
            viewer: an admin.
            text: part of a name or of an e-mail address; empty for all.
            page: from 1.
        """
        require_admin(viewer)
        found = self._users.listing(
            text=text.replace("\x00", "").strip() or None, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE
        )
        return UserPage(rows=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)

    def get(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Return one user. Raises UserUnknown. One query."""
        require_admin(viewer)
        return _require_found(self._users.get(user_id))

    def invite(self, email: str, role: Role, viewer: Viewer, full_name: str | None = None) -> PasswordGrant:
        """Create a user without a password; return the grant of the link that sets it.

        Repeating an invitation that is still open returns its grant: people press a button twice.

        Raises EmailInvalid, EmailTaken.
        """
        require_admin(viewer)
        email, name = normalize_email(email), normalize_name(full_name)
        try:
            with self._database.transaction() as connection:
                added = self._users.insert(
                    connection, email=email, password_hash=NO_PASSWORD, role=role, full_name=name
                )
                after = {"email": email, "full_name": name, "role": role}
                self._audit.record(connection, viewer, user_change("invited", added.user_id, email, after=after))
                self._notify_invited(connection, email, PasswordGrant(added.user_id, 0))
        except EmailTaken:
            with self._database.transaction() as connection:
                user = self._users.lock_by_email(connection, email)
            if user is None or (user.state, user.role, user.full_name) != ("no password", role, name):
                raise
            return PasswordGrant(user.user_id, user.session_epoch, user.links_made)
        _log.info("Invited: %s as %s by %s", email, role, viewer.email)
        return PasswordGrant(added.user_id, 0)

    def make_link(self, user_id: int, viewer: Viewer) -> PasswordGrant:
        """Return the grant of a link that sets a new password.

        Earlier links of the user stop working. A user without a password is invited again.

        Raises UserUnknown, UserDeactivated.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            user = _require_found(self._users.lock(connection, user_id))
            if not user.is_active:
                raise UserDeactivated(email=user.email)
            grant = PasswordGrant(user_id, user.session_epoch, self._users.increment_links_made(connection, user_id))
            self._record(connection, viewer, "link made", user)
            if not user.has_password:
                self._notify_invited(connection, user.email, grant)
        _log.info("Password link made: %s by %s", user.email, viewer.email)
        return grant

    def set_role(self, user_id: int, role: Role, viewer: Viewer) -> UserDetails:
        """Change a user's role and end their sessions, but not the viewer's own; return the user as before.

        Raises UserUnknown, LastAdmin.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            user = self._lock_unless_last_admin(connection, user_id, leaves=role != "admin")
            if user.role != role:
                self._users.set_role(connection, user_id, role)
                self._sessions.end_others(connection, user_id, viewer.session_id)
                self._record(connection, viewer, "role changed", user, before={"role": user.role}, after={"role": role})
        if user.role != role:
            _log.info("Role changed: %s to %s by %s", user.email, role, viewer.email)
        return user

    def set_name(self, user_id: int, full_name: str | None, viewer: Viewer) -> UserDetails:
        """Change a user's name; return the user as before. Raises UserUnknown."""
        require_admin(viewer)
        name = normalize_name(full_name)
        with self._database.transaction() as connection:
            user = _require_found(self._users.lock(connection, user_id))
            if user.full_name != name:
                self._users.set_name(connection, user_id, name)
                before, after = {"full_name": user.full_name}, {"full_name": name}
                self._record(connection, viewer, "renamed", user, before=before, after=after)
        return user

    def deactivate(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Deactivate a user and end their sessions; return the user as before.

        Raises UserUnknown, LastAdmin.
        """
        return self._set_active(user_id, viewer, active=False)

    def reactivate(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Reactivate a user; return the user as before. Raises UserUnknown."""
        return self._set_active(user_id, viewer, active=True)

    def _set_active(self, user_id: int, viewer: Viewer, *, active: bool) -> UserDetails:
        require_admin(viewer)
        with self._database.transaction() as connection:
            user = self._lock_unless_last_admin(connection, user_id, leaves=not active)
            if user.is_active != active:
                self._users.set_active(connection, user_id, active=active)
                action = "reactivated" if active else "deactivated"
                before, after = {"is_active": not active}, {"is_active": active}
                self._record(connection, viewer, action, user, before=before, after=after)
        if user.is_active != active:
            _log.info("%s: %s by %s", "Reactivated" if active else "Deactivated", user.email, viewer.email)
        return user

    def _lock_unless_last_admin(self, connection: Connection, user_id: int, *, leaves: bool) -> UserDetails:
        """Lock a user and every admin before a change of the user.

        The lock on all admins prevents that the last two leave at the same time.

        Args:
            connection: of the transaction.
            user_id: which user.
            leaves: whether the change removes the user from the admins who can sign in.

        Raises UserUnknown, LastAdmin.
        """
        locked = self._users.lock_with_admins(connection, user_id)
        user = _require_found(locked.pop(user_id, None))
        if leaves and user.is_working_admin and not any(other.is_working_admin for other in locked.values()):
            raise LastAdmin(email=user.email)
        return user

    def _record(
        self,
        connection: Connection,
        viewer: Viewer,
        action: str,
        user: UserDetails,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        change = user_change(action, user.user_id, user.email, before=before, after=after)
        self._audit.record(connection, viewer, change)


def _require_found(user: UserDetails | None) -> UserDetails:
    if user is None:
        raise UserUnknown
    return user
