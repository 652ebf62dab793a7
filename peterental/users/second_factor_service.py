"""The second factor of a user: set up, recovery codes, turned off by the user, an admin or an operator."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from peterental.access import Viewer, require_admin
from peterental.audit.model import COMMAND_LINE
from peterental.audit.service import AuditService
from peterental.clock import utc_now
from peterental.database.connect import Connection
from peterental.database.pool import Database
from peterental.encryption import Keyring
from peterental.users import totp
from peterental.users.changes import user_change
from peterental.users.confirmation import PasswordConfirmation
from peterental.users.login_throttle import user_key
from peterental.users.model import (
    CodeWrong,
    EmailUnknown,
    OwnSecondFactor,
    SecondFactorIsOff,
    SecondFactorIsOn,
    SecondFactorSetup,
    SecondFactorStatus,
    SetupExpired,
    UserDetails,
    UserUnknown,
)
from peterental.users.passwords import Passwords
from peterental.users.repository import UserRepository
from peterental.users.second_factor_codes import SecondFactorCodes
from peterental.users.second_factor_repository import SecondFactorRepository
from peterental.users.session_repository import SessionRepository
from peterental.users.session_service import SessionService
from peterental.users.throttle import Throttle

SETUP_LIFETIME_S = 60 * 60

_log = logging.getLogger("peterental.users")


class SecondFactorService:
    """The second factors of one database.

    Args:
        database: where they are stored.
        audit: records the changes.
        sessions: knows of whom the office requires a second factor.
        passwords: verifies current passwords.
        keyring: encrypts the secrets.
        now: returns the current time, aware.
    """

    def __init__(
        self,
        database: Database,
        audit: AuditService,
        sessions: SessionService,
        *,
        passwords: Passwords,
        keyring: Keyring,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._factors = SecondFactorRepository(database)
        self._users = UserRepository(database)
        self._session_rows = SessionRepository(database)
        self._audit = audit
        self._sessions = sessions
        self._passwords = passwords
        self._keyring = keyring
        self._now = now
        self._codes = SecondFactorCodes(database, keyring, self._now)
        self._confirmation = PasswordConfirmation(self._users, passwords, Throttle(self._users, self._now))

    def status(self, viewer: Viewer) -> SecondFactorStatus:
        """Return the viewer's second factor. One query."""
        factor = self._factors.get(viewer.user_id)
        return SecondFactorStatus(
            turned_on_at=factor.turned_on_at if factor else None,
            codes_left=factor.codes_left if factor else 0,
            is_required=self._sessions.requires_second_factor(is_admin=viewer.is_admin),
        )

    def propose(self, viewer: Viewer) -> SecondFactorSetup:
        """Return a new secret for the viewer's authenticator app; nothing is stored until `turn_on`."""
        return self._setup(viewer, totp.new_secret())

    def resume(self, viewer: Viewer, token: str) -> SecondFactorSetup:
        """Return the secret of a form that is shown again, or a new one if the form is too old."""
        secret = self._keyring.decrypt(_setup_of(viewer), token, lifetime_s=SETUP_LIFETIME_S)
        return self.propose(viewer) if secret is None else SecondFactorSetup(secret, self._uri(viewer, secret), token)

    def turn_on(self, viewer: Viewer, token: str, password: str, code: str) -> tuple[str, ...]:
        """Turn the second factor on; return the recovery codes, which are not shown again.

        The viewer's other sessions end.

        Args:
            viewer: whose second factor.
            token: of the proposed secret.
            password: the viewer's current password.
            code: the first code of the app.

        Raises SetupExpired, PasswordWrong, CodeWrong, SecondFactorIsOn, TooManyAttempts, SignInBusy, SignedOut.
        """
        secret = self._keyring.decrypt(_setup_of(viewer), token, lifetime_s=SETUP_LIFETIME_S)
        if secret is None:
            raise SetupExpired
        with self._passwords.admission():
            verified_epoch = self._confirmation.require(viewer, password)
        step = totp.matching_step(secret, code, self._now())
        if step is None:
            raise CodeWrong
        sealed, codes = self._codes.seal(viewer.user_id, secret), totp.new_recovery_codes()
        with self._database.transaction() as connection:
            self._confirmation.require_unchanged(connection, viewer, verified_epoch)
            if not self._factors.insert(connection, viewer.user_id, secret=sealed, last_step=step):
                raise SecondFactorIsOn
            self._store_codes(connection, viewer, codes)
            self._change(connection, viewer, "second factor on")
        _log.info("Second factor on: %s", viewer.email)
        return codes

    def renew_codes(self, viewer: Viewer, password: str, code: str) -> tuple[str, ...]:
        """Replace the recovery codes; return the new ones, which are not shown again.

        Raises PasswordWrong, CodeWrong, SecondFactorIsOff, TooManyAttempts, SignInBusy, SignedOut.
        """
        verified_epoch = self._confirm(viewer, password, code)
        codes = totp.new_recovery_codes()
        with self._database.transaction() as connection:
            self._confirmation.require_unchanged(connection, viewer, verified_epoch)
            self._store_codes(connection, viewer, codes)
            self._record(connection, viewer, "recovery codes replaced", viewer.user_id, viewer.email)
            self._users.clear_failures(connection, user_key(viewer.user_id).subject)
        _log.info("Recovery codes replaced: %s", viewer.email)
        return codes

    def turn_off(self, viewer: Viewer, password: str, code: str) -> None:
        """Turn the second factor off. The viewer's other sessions end.

        Raises PasswordWrong, CodeWrong, SecondFactorIsOff, TooManyAttempts, SignInBusy, SignedOut.
        """
        verified_epoch = self._confirm(viewer, password, code)
        with self._database.transaction() as connection:
            self._confirmation.require_unchanged(connection, viewer, verified_epoch)
            if not self._factors.delete(connection, viewer.user_id):
                raise SecondFactorIsOff
            self._change(connection, viewer, "second factor off")
        _log.info("Second factor off: %s", viewer.email)

    def reset(self, user_id: int, viewer: Viewer) -> UserDetails:
        """Turn off the second factor of a user who lost it, and end the user's sessions; return the user as before.

        Raises AdminsOnly, UserUnknown, SecondFactorIsOff; OwnSecondFactor, because a stolen session must not suffice.
        """
        require_admin(viewer)
        if user_id == viewer.user_id:
            raise OwnSecondFactor
        with self._database.transaction() as connection:
            user = self._users.lock(connection, user_id)
            if user is None:
                raise UserUnknown
            self._reset(connection, user, viewer)
        _log.info("Second factor reset: %s by %s", user.email, viewer.email)
        return user

    def reset_by_operator(self, email: str) -> None:
        """Turn off a user's second factor on the command line, and end the user's sessions.

        Raises EmailUnknown, SecondFactorIsOff.
        """
        with self._database.transaction() as connection:
            user = self._users.lock_by_email(connection, email.strip().replace("\x00", ""))
            if user is None:
                raise EmailUnknown
            self._reset(connection, user, COMMAND_LINE)
        _log.info("Second factor reset: %s by %s", user.email, COMMAND_LINE)

    def _confirm(self, viewer: Viewer, password: str, code: str) -> int:
        """Verify the password, then use up a code; return the account's epoch."""
        if self._factors.get(viewer.user_id) is None:
            raise SecondFactorIsOff
        with self._passwords.admission():
            verified_epoch = self._confirmation.require(viewer, password)
        if self._codes.accept(viewer.user_id, code) is None:
            raise CodeWrong
        return verified_epoch

    def _setup(self, viewer: Viewer, secret: str) -> SecondFactorSetup:
        token = self._keyring.encrypt(_setup_of(viewer), secret)
        return SecondFactorSetup(secret, self._uri(viewer, secret), token)

    def _uri(self, viewer: Viewer, secret: str) -> str:
        return totp.provisioning_uri(secret, viewer.email)

    def _store_codes(self, connection: Connection, viewer: Viewer, codes: tuple[str, ...]) -> None:
        hashes = [totp.recovery_code_hash(code) for code in codes]
        if not self._factors.replace_recovery_codes(connection, viewer.user_id, hashes):
            raise SecondFactorIsOff

    def _change(self, connection: Connection, viewer: Viewer, action: str) -> None:
        """End the viewer's other sessions, record the change, and forget failed confirmations."""
        self._session_rows.end_others(connection, viewer.user_id, viewer.session_id)
        self._record(connection, viewer, action, viewer.user_id, viewer.email)
        self._users.clear_failures(connection, user_key(viewer.user_id).subject)

    def _reset(self, connection: Connection, user: UserDetails, actor: Viewer | str) -> None:
        if not self._factors.delete(connection, user.user_id):
            raise SecondFactorIsOff
        self._session_rows.end_others(connection, user.user_id, None)
        self._record(connection, actor, "second factor reset", user.user_id, user.email)

    def _record(self, connection: Connection, actor: Viewer | str, action: str, user_id: int, email: str) -> None:
        self._audit.record(connection, actor, user_change(action, user_id, email))


def _setup_of(viewer: Viewer) -> str:
    """Return what the secret in a set-up form is encrypted for."""
    return f"totp set-up of user {viewer.user_id}"
