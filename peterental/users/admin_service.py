"""What admins do for other users: list, invite, give roles, deactivate, make one-time links."""

from __future__ import annotations

from collections.abc import Mapping

from peterental.access import AdminsOnly, Role, Viewer
from peterental.audit.service import AuditService
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.users.model import (
    NO_PASSWORD,
    EmailTaken,
    LastAdmin,
    PasswordGrant,
    UserDeactivated,
    UserDetails,
    UserGone,
    UserPage,
)
from peterental.users.repository import UserRepository
from peterental.users.service import normalize_email, normalize_name, user_change

PAGE_SIZE = 50


class UserAdminService:
    """The users of one database, for admins; every method raises AdminsOnly for anybody else.

    Args:
        database: where users are kept.
        audit: where changes are written down.
    """

    def __init__(self, database: Database, audit: AuditService) -> None:
        self._database = database
        self._users = UserRepository(database)
        self._audit = audit

    def require_admin(self, viewer: Viewer) -> None:
        """Let admins pass. Raises AdminsOnly."""
        require_admin(viewer)

    def listing(self, viewer: Viewer, *, text: str = "", page: int = 1) -> UserPage:
        """Give one page of the users by e-mail address, the deactivated ones last. One query.

        Args:
            viewer: who looks.
            text: part of a name or of an e-mail address; empty for all.
            page: from 1.
        """
        require_admin(viewer)
        found = self._users.listing(
            text=text.replace("\x00", "").strip() or None, limit=PAGE_SIZE + 1, offset=(page - 1) * PAGE_SIZE
        )
        return UserPage(rows=tuple(found[:PAGE_SIZE]), has_more=len(found) > PAGE_SIZE)

    def get(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Give one user. Raises UserGone. One query."""
        require_admin(viewer)
        return _require_found(self._users.get(user_id))

    def invite(self, email: str, role: Role, viewer: Viewer, full_name: str | None = None) -> PasswordGrant:
        """Add somebody, who chooses a password by the link that this grants. Raises EmailInvalid, EmailTaken.

        Who was invited just like this and has not come yet is granted the same once more: people press a button twice.
        """
        require_admin(viewer)
        email, name = normalize_email(email), normalize_name(full_name)
        try:
            with self._database.transaction() as connection:
                added = self._users.insert(
                    connection, email=email, password_hash=NO_PASSWORD, role=role, full_name=name
                )
                after = {"email": email, "full_name": name, "role": role}
                self._audit.record(connection, viewer.email, user_change("invited", added.user_id, email, after=after))
        except EmailTaken:
            with self._database.transaction() as connection:
                user = self._users.lock_by_email(connection, email)
            if user is None or (user.state, user.role, user.full_name) != ("invited", role, name):
                raise
            return PasswordGrant(user.user_id, user.session_epoch, user.links_made)
        return PasswordGrant(added.user_id, 0)

    def make_link(self, user_id: int, viewer: Viewer) -> PasswordGrant:
        """Grant a link by which somebody chooses a new password; those granted before are called off.

        Raises UserGone, UserDeactivated.
        """
        require_admin(viewer)
        with self._database.transaction() as connection:
            user = _require_found(self._users.lock(connection, user_id))
            if not user.is_active:
                raise UserDeactivated(email=user.email)
            number = self._users.increment_links_made(connection, user_id)
            self._record(connection, viewer, "link made", user)
        return PasswordGrant(user_id, user.session_epoch, number)

    def set_role(self, user_id: int, role: Role, viewer: Viewer) -> UserDetails:
        """Change what somebody may do; gives them as they were. Raises UserGone, LastAdmin."""
        require_admin(viewer)
        with self._database.transaction() as connection:
            user = self._lock_unless_last_admin(connection, user_id, leaves=role != "admin")
            if user.role != role:
                self._users.set_role(connection, user_id, role)
                self._record(connection, viewer, "role changed", user, before={"role": user.role}, after={"role": role})
        return user

    def deactivate(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Let somebody sign in no more, and end their sessions; gives them as they were. Raises UserGone, LastAdmin."""
        return self._set_active(user_id, viewer, active=False)

    def reactivate(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Let somebody sign in again; gives them as they were. Raises UserGone."""
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
        return user

    def _lock_unless_last_admin(self, connection: Connection, user_id: int, *, leaves: bool) -> UserDetails:
        """Find a user who may leave the admins, or stays: every admin is locked, so that of two the second is refused.

        Raises UserGone, LastAdmin.
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
        self._audit.record(connection, viewer.email, change)


def require_admin(viewer: Viewer) -> None:
    if not viewer.is_admin:
        raise AdminsOnly


def _require_found(user: UserDetails | None) -> UserDetails:
    if user is None:
        raise UserGone
    return user
