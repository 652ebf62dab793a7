"""Second factors: set-up, codes that are accepted once, recovery codes, policy, reset."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.audit.service import AuditService
from peterental.database.pool import Database
from peterental.encryption import Keyring
from peterental.users import totp
from peterental.users.login_throttle import FREE_ATTEMPTS_PER_ACCOUNT, ClientOrigin
from peterental.users.model import (
    Client,
    CodeRequired,
    CodeWrong,
    EmailUnknown,
    LinkInvalid,
    OwnSecondFactor,
    PasswordWrong,
    SecondFactorIsOff,
    SecondFactorIsOn,
    SetupExpired,
    SignedIn,
    TooManyAttempts,
    UserUnknown,
)
from peterental.users.passwords import Passwords
from peterental.users.second_factor_service import SecondFactorService
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from tests.together import at_once

if TYPE_CHECKING:
    from peterental.users.admin_service import UserAdminService
    from tests.users.conftest import AuditLog, Clock

WORDS = "correct horse battery"
HERE = ClientOrigin("203.0.113.7")
CLIENT = Client("203.0.113.7", "Firefox on Linux")


@dataclass
class Authenticator:
    """An authenticator app, and the recovery codes of its user."""

    secret: str
    clock: Clock
    recovery_codes: tuple[str, ...] = ()

    def code(self, offset: int = 0) -> str:
        """Return the code of the current step, or of one that many steps away."""
        return pyotp.TOTP(self.secret).at(int(self.clock().timestamp()) + 30 * offset)

    def next_code(self) -> str:
        """Wait for the next step and return its code."""
        self.clock.advance_s(30)
        return self.code()


@pytest.fixture
def app(second_factor: SecondFactorService, ana: Viewer, clock: Clock) -> Authenticator:
    """Ana's app, which is set up."""
    setup = second_factor.propose(ana)
    app = Authenticator(setup.secret, clock)
    app.recovery_codes = second_factor.turn_on(ana, setup.token, WORDS, app.code())
    return app


def first_step(users: UserService, email: str = "ana@example.com") -> CodeRequired:
    required = users.sign_in(email, WORDS, HERE)
    assert isinstance(required, CodeRequired)
    return required


def enter_code(users: UserService, code: str) -> SignedIn | None:
    return users.sign_in_with_code(first_step(users), code, lambda _: HERE)


def test_qr_code_names_the_user_and_the_secret(second_factor: SecondFactorService, ana: Viewer) -> None:
    setup = second_factor.propose(ana)
    uri = urlsplit(setup.uri)
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/PeteRental:ana%40example.com")
    assert parse_qs(uri.query) == {"secret": [setup.secret], "issuer": ["PeteRental"]}
    assert len(setup.secret) == 32
    assert setup.secret not in setup.token
    assert second_factor.resume(ana, setup.token) == setup
    assert second_factor.propose(ana).secret != setup.secret


def test_sign_in_takes_password_and_code(users: UserService, ana: Viewer, app: Authenticator) -> None:
    signed_in = enter_code(users, app.next_code())
    assert signed_in == SignedIn(viewer=ana, session_epoch=0, second_factor="code")
    assert users.sign_in(ana.email, "a wrong password", HERE) is None


def test_sign_in_time_is_that_of_the_code(
    users: UserService, user_admin: UserAdminService, admin: Viewer, ana: Viewer, app: Authenticator
) -> None:
    required = first_step(users)
    assert user_admin.get(ana.user_id, admin).last_sign_in_at is None
    assert users.sign_in_with_code(required, app.next_code()) is not None
    assert user_admin.get(ana.user_id, admin).last_sign_in_at is not None


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_code_is_accepted_one_step_around_now(users: UserService, app: Authenticator, offset: int) -> None:
    app.clock.advance_s(300)
    assert enter_code(users, app.code(offset)) is not None


@pytest.mark.parametrize("offset", [-2, 2])
def test_code_of_another_time_is_refused(users: UserService, app: Authenticator, offset: int) -> None:
    app.clock.advance_s(300)
    assert enter_code(users, app.code(offset)) is None


def test_code_is_accepted_once(users: UserService, app: Authenticator) -> None:
    assert enter_code(users, app.code()) is None, "it was used for the set-up"
    code = app.next_code()
    assert enter_code(users, code) is not None
    assert enter_code(users, code) is None
    assert enter_code(users, app.code(-1)) is None, "older than the last one"
    assert enter_code(users, app.next_code()) is not None


def test_clock_set_back_locks_nobody_out(users: UserService, app: Authenticator, clock: Clock) -> None:
    clock.advance_s(86_400)
    assert enter_code(users, app.code()) is not None
    clock.advance_s(-86_400)
    code = app.next_code()
    assert enter_code(users, code) is not None
    assert enter_code(users, code) is None
    clock.advance_s(-300)
    assert enter_code(users, app.code()) is None, "a small step back is no reason to accept a code twice"


@pytest.mark.parametrize("is_recovery", [False, True], ids=["code", "recovery code"])
def test_concurrent_uses_of_a_code_succeed_once(users: UserService, app: Authenticator, *, is_recovery: bool) -> None:
    code = app.recovery_codes[0] if is_recovery else app.next_code()
    required = [first_step(users) for _ in range(4)]  # fewer than the attempts that are free
    done = at_once([partial(users.sign_in_with_code, step, code) for step in required])
    assert sorted(signed_in is not None for signed_in in done) == [False, False, False, True]


def test_spaces_in_codes_are_ignored(users: UserService, app: Authenticator) -> None:
    code = app.next_code()
    assert enter_code(users, f" {code[:3]} {code[3:]} ") is not None
    recovery = app.recovery_codes[0].upper().replace("-", " ")
    assert enter_code(users, recovery) is not None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "é" * 20_000, "\udc80", "000 000\x00"])
def test_malformed_code_is_refused(users: UserService, app: Authenticator, code: str) -> None:
    del app
    assert enter_code(users, code) is None


def test_recovery_code_works_once(
    users: UserService, second_factor: SecondFactorService, ana: Viewer, app: Authenticator
) -> None:
    assert len(set(app.recovery_codes)) == totp.RECOVERY_CODES
    assert all(len(code.replace("-", "")) == 24 for code in app.recovery_codes)
    assert second_factor.status(ana).codes_left == 10
    signed_in = enter_code(users, app.recovery_codes[3])
    assert signed_in is not None
    assert signed_in.second_factor == "recovery code"
    assert enter_code(users, app.recovery_codes[3]) is None
    assert second_factor.status(ana).codes_left == 9


def test_secrets_and_codes_are_not_stored_readably(database: Database, app: Authenticator) -> None:
    rows = database.fetch("SELECT secret FROM second_factors")
    rows += database.fetch("SELECT encode(code_hash, 'escape') AS code FROM recovery_codes")
    text = str(rows)
    for secret in (app.secret, *app.recovery_codes):
        assert secret not in text
        assert secret.replace("-", "") not in text


def test_wrong_codes_are_throttled_with_the_passwords(
    users: UserService, app: Authenticator, clock: Clock, log: AuditLog
) -> None:
    required = first_step(users)
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert users.sign_in_with_code(required, "000000", lambda _: HERE) is None
    with pytest.raises(TooManyAttempts, match="30 seconds"):
        users.sign_in_with_code(required, app.code(1), lambda _: HERE)
    for password in (WORDS, "a wrong password"):  # the answer does not reveal which one is right
        with pytest.raises(TooManyAttempts, match="30 seconds"):
            users.sign_in("ana@example.com", password, HERE)
    clock.advance_s(30)
    assert users.sign_in_with_code(required, app.code(), lambda _: HERE) is not None
    refused = [entry.change for entry in log.entries if entry.change.action == "code refused"]
    assert [dict(change.after) for change in refused] == [{"failed_attempts": 1, "address": "203.0.113.7"}]


def test_right_password_alone_clears_no_failures(users: UserService, app: Authenticator) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert users.sign_in_with_code(first_step(users), "000000", lambda _: HERE) is None
    with pytest.raises(TooManyAttempts):
        users.sign_in("ana@example.com", WORDS, HERE)
    assert app.recovery_codes


def test_code_need_not_wait_after_the_password(users: UserService, app: Authenticator, clock: Clock) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        assert enter_code(users, "000000") is None
    for wait_s in (30, 60, 120):  # each wrong code doubles the wait, a right password does not
        with pytest.raises(TooManyAttempts):
            first_step(users)
        clock.advance_s(wait_s - 1)
        with pytest.raises(TooManyAttempts, match="1 second"):
            first_step(users)
        clock.advance_s(1)
        first_step(users)
        required = first_step(users)
        assert users.sign_in_with_code(required, "000000", lambda _: HERE) is None
        with pytest.raises(TooManyAttempts):
            users.sign_in_with_code(required, "000000", lambda _: HERE)
    clock.advance_s(240)
    assert enter_code(users, app.code()) is not None
    assert enter_code(users, app.next_code()) is not None


@pytest.mark.parametrize("ended_by", ["password", "deactivation", "deletion"])
def test_second_step_ends_with_the_users_sessions(
    users: UserService, database: Database, app: Authenticator, ended_by: str
) -> None:
    required = first_step(users)
    if ended_by == "password":
        users.set_password("ana@example.com", "another password")
    elif ended_by == "deactivation":
        database.fetch("UPDATE users SET is_active = FALSE")
    else:
        database.fetch("DELETE FROM users")
    with pytest.raises(LinkInvalid):
        users.sign_in_with_code(required, app.next_code())


def test_second_step_without_a_second_factor_is_refused(
    users: UserService, second_factor: SecondFactorService, ana: Viewer, admin: Viewer, app: Authenticator
) -> None:
    required = first_step(users)
    second_factor.reset(ana.user_id, admin)
    assert users.sign_in_with_code(required, app.next_code()) is None


def test_one_time_link_still_asks_for_the_code(
    users: UserService, user_admin: UserAdminService, ana: Viewer, admin: Viewer, app: Authenticator
) -> None:
    required = users.redeem_grant(user_admin.make_link(ana.user_id, admin), "a password of my own")
    assert required == CodeRequired(ana.user_id, 1)
    assert users.sign_in_with_code(required, app.next_code()) is not None


def test_set_up_needs_password_and_code(second_factor: SecondFactorService, ana: Viewer, clock: Clock) -> None:
    setup = second_factor.propose(ana)
    code = Authenticator(setup.secret, clock).code()
    with pytest.raises(PasswordWrong):
        second_factor.turn_on(ana, setup.token, "a wrong password", code)
    with pytest.raises(CodeWrong):
        second_factor.turn_on(ana, setup.token, WORDS, "000000")
    assert second_factor.status(ana).turned_on_at is None
    assert len(second_factor.turn_on(ana, setup.token, WORDS, code)) == 10
    with pytest.raises(SecondFactorIsOn):
        second_factor.turn_on(ana, setup.token, WORDS, code)


def test_set_up_token_belongs_to_its_user(
    second_factor: SecondFactorService, ana: Viewer, admin: Viewer, app: Authenticator, database: Database
) -> None:
    token = second_factor.propose(admin).token
    stored = str(database.fetch("SELECT secret FROM second_factors")[0]["secret"])
    for foreign in (token, stored, "", "x", "é", token[:-1]):
        with pytest.raises(SetupExpired):
            second_factor.turn_on(ana, foreign, WORDS, app.code())
        assert second_factor.resume(ana, foreign).token != foreign


def test_set_up_token_expires(second_factor: SecondFactorService, ana: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = second_factor.propose(ana).token
    monkeypatch.setattr("peterental.users.second_factor_service.SETUP_LIFETIME_S", -1)
    with pytest.raises(SetupExpired):
        second_factor.turn_on(ana, token, WORDS, "000000")


def test_recovery_codes_are_replaced(
    users: UserService, second_factor: SecondFactorService, ana: Viewer, app: Authenticator, log: AuditLog
) -> None:
    new = second_factor.renew_codes(ana, WORDS, app.recovery_codes[0])
    assert second_factor.status(ana).codes_left == 10
    assert enter_code(users, app.recovery_codes[1]) is None
    assert enter_code(users, new[0]) is not None
    assert "ana@example.com recovery codes replaced ana@example.com" in log.lines


def test_turning_off_needs_password_and_code(
    users: UserService, second_factor: SecondFactorService, ana: Viewer, app: Authenticator, log: AuditLog
) -> None:
    with pytest.raises(PasswordWrong):
        second_factor.turn_off(ana, "a wrong password", app.next_code())
    with pytest.raises(CodeWrong):
        second_factor.turn_off(ana, WORDS, "000000")
    second_factor.turn_off(ana, WORDS, app.next_code())
    assert users.sign_in(ana.email, WORDS, HERE) == SignedIn(viewer=ana, session_epoch=0)
    for use in (second_factor.turn_off, second_factor.renew_codes):
        with pytest.raises(SecondFactorIsOff):
            use(ana, WORDS, app.next_code())
    actions = [entry.change.action for entry in log.entries]
    assert [action for action in actions if "second factor" in action] == ["second factor on", "second factor off"]


def test_confirmations_are_throttled(second_factor: SecondFactorService, ana: Viewer, app: Authenticator) -> None:
    for _ in range(FREE_ATTEMPTS_PER_ACCOUNT):
        with pytest.raises(CodeWrong):
            second_factor.turn_off(ana, WORDS, "000000")
    with pytest.raises(TooManyAttempts):
        second_factor.turn_off(ana, WORDS, app.code(1))


def test_turning_on_and_off_ends_other_sessions(
    *,
    users: UserService,
    sessions: SessionService,
    second_factor: SecondFactorService,
    enter: Callable[..., str],
    ana: Viewer,
    clock: Clock,
) -> None:
    here, other = enter(ana), enter(ana)
    session = sessions.viewer(here)
    assert session is not None
    setup = second_factor.propose(session.viewer)
    app = Authenticator(setup.secret, clock)
    second_factor.turn_on(session.viewer, setup.token, WORDS, app.code())
    assert sessions.viewer(other) is None
    signed_in = enter_code(users, app.next_code())
    assert signed_in is not None
    other = sessions.start(signed_in, CLIENT)
    second_factor.turn_off(session.viewer, WORDS, app.next_code())
    assert sessions.viewer(other) is None
    assert sessions.viewer(here) is not None


def test_admin_resets_a_lost_second_factor(
    *,
    users: UserService,
    sessions: SessionService,
    second_factor: SecondFactorService,
    ana: Viewer,
    admin: Viewer,
    app: Authenticator,
    log: AuditLog,
) -> None:
    signed_in = enter_code(users, app.next_code())
    assert signed_in is not None
    token = sessions.start(signed_in, CLIENT)
    with pytest.raises(AdminsOnly):
        second_factor.reset(ana.user_id, ana)
    assert second_factor.reset(ana.user_id, admin).has_second_factor
    assert sessions.viewer(token) is None
    assert users.sign_in(ana.email, WORDS) == SignedIn(viewer=ana, session_epoch=0)
    assert log.lines[-1] == "office@example.com second factor reset ana@example.com"
    with pytest.raises(SecondFactorIsOff, match="already off"):
        second_factor.reset(ana.user_id, admin)
    with pytest.raises(UserUnknown):
        second_factor.reset(999, admin)
    with pytest.raises(OwnSecondFactor, match="with your password and a code"):
        second_factor.reset(admin.user_id, admin)


def test_operator_resets_a_lost_second_factor(
    users: UserService, second_factor: SecondFactorService, ana: Viewer, app: Authenticator, log: AuditLog
) -> None:
    assert app.recovery_codes
    second_factor.reset_by_operator(" ANA@example.com ")
    assert users.sign_in(ana.email, WORDS) == SignedIn(viewer=ana, session_epoch=0)
    assert log.lines[-1] == "command line second factor reset ana@example.com"
    with pytest.raises(EmailUnknown):
        second_factor.reset_by_operator("unknown@example.com")


@pytest.mark.parametrize(("policy", "needed"), [("", (False, False)), ("admins", (True, False)), ("all", (True, True))])
def test_policy_names_who_must_set_one_up(
    database: Database,
    audit: AuditService,
    enter: Callable[..., str],
    admin: Viewer,
    ana: Viewer,
    *,
    policy: str,
    needed: tuple[bool, bool],
) -> None:
    sessions = SessionService(database, audit, policy)  # type: ignore[arg-type]  # one of its values
    viewers = [sessions.viewer(enter(user)) for user in (admin, ana)]
    assert tuple(found is not None and found.needs_second_factor for found in viewers) == needed


def test_policy_is_met_by_a_second_factor(
    users: UserService, database: Database, audit: AuditService, app: Authenticator
) -> None:
    signed_in = enter_code(users, app.next_code())
    assert signed_in is not None
    sessions = SessionService(database, audit, "all")
    found = sessions.viewer(sessions.start(signed_in, CLIENT))
    assert found is not None
    assert not found.needs_second_factor


def rotated(database: Database, audit: AuditService, clock: Clock, passwords: Passwords, *keys: str) -> UserService:
    return UserService(database, audit, clock, passwords, Keyring(lambda: keys))


def test_keys_rotate(
    database: Database, audit: AuditService, clock: Clock, fast_passwords: Passwords, app: Authenticator
) -> None:
    old, new = "a key for tests, long enough to be one", "another key, also long enough to be one"
    before = database.fetch("SELECT secret FROM second_factors")
    users = rotated(database, audit, clock, fast_passwords, new, old)
    assert enter_code(users, app.next_code()) is not None
    after = database.fetch("SELECT secret FROM second_factors")
    assert after != before
    users = rotated(database, audit, clock, fast_passwords, new)
    assert enter_code(users, app.next_code()) is not None
    assert database.fetch("SELECT secret FROM second_factors") == after


def test_recovery_codes_work_without_the_key(
    database: Database, audit: AuditService, clock: Clock, fast_passwords: Passwords, app: Authenticator
) -> None:
    users = rotated(database, audit, clock, fast_passwords, "a key that encrypted nothing here, so far")
    assert enter_code(users, app.next_code()) is None
    assert enter_code(users, app.recovery_codes[0]) is not None


def test_secret_of_another_user_is_of_no_use(database: Database, users: UserService, app: Authenticator) -> None:
    """A row that is copied to another user decrypts for nobody."""
    database.fetch("INSERT INTO users (email, password_hash) SELECT 'eve@example.com', password_hash FROM users")
    database.fetch(
        """
        INSERT INTO second_factors (user_id, secret, last_step)
        SELECT users.user_id, secret, 0 FROM users, second_factors WHERE email = 'eve@example.com'
        """
    )
    required = first_step(users, "eve@example.com")
    assert users.sign_in_with_code(required, app.next_code()) is None


def test_codes_are_those_of_the_rfc() -> None:
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B: 12345678901234567890
    for seconds, code in ((59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")):
        moment = datetime.fromtimestamp(seconds, UTC)
        assert totp.matching_step(seed, code, moment) == seconds // 30
    assert totp.matching_step(seed, "287083", datetime.fromtimestamp(59, UTC)) is None


def test_altered_secret_decrypts_to_nothing() -> None:
    keyring = Keyring(lambda: ["k" * 32])
    sealed = urlsafe_b64decode(keyring.encrypt("purpose", "secret"))
    for place in range(len(sealed)):
        altered = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        assert keyring.decrypt("purpose", urlsafe_b64encode(altered).decode()) is None
    assert keyring.decrypt("purpose", urlsafe_b64encode(sealed).decode()) == "secret"


def test_keyring_without_keys_decrypts_nothing() -> None:
    assert Keyring(tuple).decrypt("purpose", "token") is None
