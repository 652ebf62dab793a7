"""The current password, which a signed-in user confirms before changes of the account's protection."""

from __future__ import annotations

from peterental.access import Viewer
from peterental.database.connect import Connection
from peterental.users.login_throttle import user_key
from peterental.users.model import PasswordWrong, SignedOut, SignInBusy, UserDetails
from peterental.users.passwords import Passwords
from peterental.users.repository import UserRepository
from peterental.users.throttle import Throttle


class PasswordConfirmation:
    """Verifies current passwords; wrong ones are throttled per user.

    Args:
        users: stores the hashes.
        passwords: verifies them.
        throttle: counts the attempts.
    """

    def __init__(self, users: UserRepository, passwords: Passwords, throttle: Throttle) -> None:
        self._users = users
        self._passwords = passwords
        self._throttle = throttle

    def require(self, viewer: Viewer, password: str) -> int:
        """Verify the viewer's current password; return the account's epoch, for `require_unchanged`.

        The attempt stays counted: what it confirms may fail as well.

        Raises PasswordWrong, TooManyAttempts, SignInBusy.
        """
        keys = (user_key(viewer.user_id),)
        self._throttle.consume(keys)
        account = self._users.account(viewer.email)
        try:
            matches = self._passwords.verify(password, account.password_hash if account else None)
        except SignInBusy:
            self._throttle.refund(keys)
            raise
        if account is None or not matches:
            raise PasswordWrong
        return account.session_epoch

    def require_unchanged(self, connection: Connection, viewer: Viewer, epoch: int) -> UserDetails:
        """Lock and return the account whose password was verified, in the transaction of what it confirms.

        Verifying takes a while. A one-time link, an admin or another browser may have ended the viewer's session since:
        then the confirmation counts no more. Raises SignedOut.
        """
        user = self._users.lock_signed_in(connection, viewer)
        if user is None or user.session_epoch != epoch:
            raise SignedOut
        return user
