"""What a password confirms is not done once the sessions of its user have ended, however close the two are."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg
import pyotp
import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.users.admin_service import UserAdminService
from peterental.users.confirmation import PasswordConfirmation
from peterental.users.model import SecondFactorIsOff, SignedIn, SignedOut
from peterental.users.second_factor_service import SecondFactorService
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from tests.servers import HANG_S, until_a_session_waits
from tests.together import at_once
from tests.users.conftest import CLIENT, PASSWORD, AuditLog, Clock

NEW = "four quiet ponds shimmer"
OTHERS = "seven loud rivers tumble"

Interrupt = Callable[[Callable[[], object]], None]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """A function that does something right after the next confirmation, which takes its time for the password."""

    def interrupt(work: Callable[[], object]) -> None:
        require, waiting = PasswordConfirmation.require, [work]

        def interrupted(self: PasswordConfirmation, viewer: Viewer, password: str) -> int:
            epoch = require(self, viewer, password)
            if waiting:
                waiting.pop()()
            return epoch

        monkeypatch.setattr(PasswordConfirmation, "require", interrupted)

    return interrupt


@pytest.fixture
def signed_in(ana: Viewer, enter: Callable[..., str], sessions: SessionService) -> Viewer:
    """Ana in a browser."""
    found = sessions.viewer(enter(ana))
    assert found is not None
    return found.viewer


@pytest.fixture
def ends(
    users: UserService, user_admin: UserAdminService, sessions: SessionService, admin: Viewer, ana: Viewer
) -> dict[str, Callable[[], object]]:
    """What ends Ana's session."""
    return {
        "new password": lambda: users.set_password(ana.email, NEW),
        "signed out everywhere": lambda: users.sign_out_everywhere(ana),
        "signed out by another browser": lambda: sessions.end_others(ana),
        "deactivated": lambda: user_admin.deactivate(ana.user_id, admin),
        "another role": lambda: user_admin.set_role(ana.user_id, "admin", admin),
    }


@pytest.mark.parametrize(
    "end", ["new password", "signed out everywhere", "signed out by another browser", "deactivated", "another role"]
)
def test_password_is_not_changed_after_the_session_ended(
    *,
    end: str,
    ends: dict[str, Callable[[], object]],
    interrupt: Interrupt,
    users: UserService,
    signed_in: Viewer,
    log: AuditLog,
) -> None:
    ana = signed_in
    interrupt(ends[end])
    with pytest.raises(SignedOut):
        users.change_password(ana, PASSWORD, OTHERS)
    assert users.sign_in(ana.email, OTHERS) is None
    assert "ana@example.com password changed ana@example.com" not in log.lines


def test_new_password_wins_against_a_stolen_session(interrupt: Interrupt, users: UserService, ana: Viewer) -> None:
    """A thief with the old password cannot replace the new one that its user is setting."""
    interrupt(lambda: users.set_password(ana.email, NEW))
    with pytest.raises(SignedOut):
        users.change_password(ana, PASSWORD, OTHERS)
    assert isinstance(users.sign_in(ana.email, NEW), SignedIn)


def test_second_factor_is_not_turned_on_after_the_sessions_ended(
    *,
    interrupt: Interrupt,
    users: UserService,
    second_factor: SecondFactorService,
    ana: Viewer,
    clock: Clock,
) -> None:
    """It would lock its user out of an account that has just been taken back."""
    setup = second_factor.propose(ana)
    interrupt(lambda: users.set_password(ana.email, NEW))
    with pytest.raises(SignedOut):
        second_factor.turn_on(ana, setup.token, PASSWORD, code_of(setup.secret, clock))
    assert second_factor.status(ana).turned_on_at is None
    with pytest.raises(SecondFactorIsOff):
        second_factor.turn_off(ana, NEW, "000000")


def test_sign_in_without_a_code_ends_with_the_second_factor(
    *, users: UserService, sessions: SessionService, database_url: str, signed_in: Viewer
) -> None:
    """Who has the password, and was signing in when the second factor was turned on, has no session afterwards."""
    ana = signed_in
    waiting, late = users.sign_in(ana.email, PASSWORD), users.sign_in(ana.email, PASSWORD)
    assert isinstance(waiting, SignedIn)
    assert isinstance(late, SignedIn)
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        other.execute("SELECT FROM users WHERE user_id = %s FOR UPDATE", (ana.user_id,))
        started = pool.submit(sessions.start, waiting, CLIENT)
        until_a_session_waits(database_url)
        other.execute("INSERT INTO second_factors (user_id, secret, last_step) VALUES (%s, 'x', 1)", (ana.user_id,))
        other.commit()
        assert sessions.viewer(started.result(HANG_S)) is None
    assert sessions.viewer(sessions.start(late, CLIENT)) is None
    changed = SignedIn(viewer=ana, session_epoch=waiting.session_epoch)
    assert sessions.viewer(sessions.start(changed, CLIENT)) is not None, "as after a new password, in a valid session"


def test_second_factor_stays_as_it_is_after_the_sessions_ended(
    *,
    interrupt: Interrupt,
    users: UserService,
    second_factor: SecondFactorService,
    ana: Viewer,
    clock: Clock,
    database: Database,
) -> None:
    setup = second_factor.propose(ana)
    second_factor.turn_on(ana, setup.token, PASSWORD, code_of(setup.secret, clock))
    stored = database.fetch("SELECT code_hash FROM recovery_codes ORDER BY 1")
    for password, change in ((PASSWORD, second_factor.renew_codes), (NEW, second_factor.turn_off)):
        clock.advance_s(30)
        interrupt(lambda: users.set_password(ana.email, NEW))
        with pytest.raises(SignedOut):
            change(ana, password, code_of(setup.secret, clock))
    assert second_factor.status(ana).turned_on_at is not None
    assert database.fetch("SELECT code_hash FROM recovery_codes ORDER BY 1") == stored


def code_of(secret: str, clock: Clock) -> str:
    """Return the present code of an authenticator app."""
    return pyotp.TOTP(secret).at(int(clock().timestamp()))


def test_two_browsers_at_once_wait_in_turn(
    second_factor: SecondFactorService,
    sessions: SessionService,
    enter: Callable[..., str],
    ana: Viewer,
    clock: Clock,
) -> None:
    """Each ends the other's session. Neither waits for the other in a circle, which the server would end by an error."""

    def turn_on(viewer: Viewer) -> str:
        setup = second_factor.propose(viewer)
        try:
            second_factor.turn_on(viewer, setup.token, PASSWORD, code_of(setup.secret, clock))
        except SignedOut:
            return "signed out"
        return "on"

    for _ in range(8):
        found = [sessions.viewer(enter(ana)) for _ in range(2)]
        jobs: list[Callable[[], str]] = [partial(turn_on, each.viewer) for each in found if each is not None]
        assert sorted(at_once(jobs)) == ["on", "signed out"]
        second_factor.reset_by_operator(ana.email)
