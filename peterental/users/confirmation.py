"""The current password, which a signed-in user confirms before changes of the account's protection."""

from __future__ import annotations

from peterental.access import Viewer
from peterental.users.login_throttle import user_key
from peterental.users.model import PasswordWrong, SignInBusy
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

    def require(self, viewer: Viewer, password: str) -> None:
        """Verify the viewer's current password.

        The attempt stays counted: what it confirms may fail as well.

        Raises PasswordWrong, TooManyAttempts, SignInBusy.
        """
        keys = (user_key(viewer.user_id),)
        self._throttle.consume(keys)
        account = self._users.account(viewer.email)
        try:
            if not self._passwords.verify(password, account.password_hash if account else None):
                raise PasswordWrong
        except SignInBusy:
            self._throttle.refund(keys)
            raise
