"""User administration, and its entries in the audit log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from peterental.access import AdminsOnly, Viewer
from peterental.database.pool import Database
from peterental.users.admin_service import PAGE_SIZE, UserAdminService
from peterental.users.model import (
    EmailInvalid,
    EmailTaken,
    LastAdmin,
    LinkInvalid,
    PasswordGrant,
    PasswordTooShort,
    SignedIn,
    SignedOut,
    UserDeactivated,
    UserUnknown,
)
from peterental.users.password_links import LIFETIME, decode, encode
from peterental.users.service import UserService
from peterental.users.session_service import SessionService
from tests.servers import HANG_S

if TYPE_CHECKING:
    from tests.users.conftest import AuditLog, Clock

PASSWORD = "correct horse battery"
NEW_PASSWORD = "a password of my own"
KEY = "a key for tests"


def test_invited_user_sets_password_by_link(
    users: UserService, user_admin: UserAdminService, admin: Viewer, log: AuditLog
) -> None:
    grant = user_admin.invite(" ben@example.com ", "agent", admin, "Ben Okafor")
    ben = user_admin.get(grant.user_id, admin)
    assert (ben.email, ben.name, ben.role, ben.state) == ("ben@example.com", "Ben Okafor", "agent", "no password")
    for guess in ("", PASSWORD):
        assert users.sign_in("ben@example.com", guess) is None
    signed_in = users.redeem_grant(grant, NEW_PASSWORD)
    assert isinstance(signed_in, SignedIn)
    assert not signed_in.viewer.is_admin
    assert users.sign_in("ben@example.com", NEW_PASSWORD) is not None
    assert user_admin.get(grant.user_id, admin).state == "active"
    assert log.lines[1:] == [
        "office@example.com invited ben@example.com",
        "sign-in page sign-in failed ben@example.com",
        "ben@example.com password changed ben@example.com",
    ]
    assert log.entries[1].change.after == {"email": "ben@example.com", "full_name": "Ben Okafor", "role": "agent"}


def test_repeated_invitation_returns_same_grant(
    users: UserService, user_admin: UserAdminService, admin: Viewer, log: AuditLog
) -> None:
    with ThreadPoolExecutor(4) as pool:
        grants = set(pool.map(lambda _: user_admin.invite("ben@example.com", "agent", admin, "Ben"), range(4)))
    (grant,) = grants
    assert log.lines[1:] == ["office@example.com invited ben@example.com"]
    later = user_admin.make_link(grant.user_id, admin)
    assert user_admin.invite("ben@example.com", "agent", admin, "Ben") == later
    for role, name in (("admin", "Ben"), ("agent", "Benjamin")):
        with pytest.raises(EmailTaken):
            user_admin.invite("ben@example.com", role, admin, name)  # type: ignore[arg-type]
    users.redeem_grant(later, NEW_PASSWORD)
    with pytest.raises(EmailTaken):
        user_admin.invite("ben@example.com", "agent", admin, "Ben")


def test_link_works_once(users: UserService, user_admin: UserAdminService, admin: Viewer) -> None:
    grant = user_admin.invite("ben@example.com", "agent", admin)
    users.redeem_grant(grant, NEW_PASSWORD)
    with pytest.raises(LinkInvalid, match="Ask an admin"):
        users.user_of_grant(grant)
    with pytest.raises(LinkInvalid, match="Ask an admin"):
        users.redeem_grant(grant, "the next password")


def test_concurrent_uses_of_link_succeed_once(users: UserService, user_admin: UserAdminService, admin: Viewer) -> None:
    grant = user_admin.invite("ben@example.com", "agent", admin)
    barrier = threading.Barrier(4)

    def join(number: int) -> bool:
        barrier.wait(timeout=HANG_S)
        try:
            users.redeem_grant(grant, f"password number {number}")
        except LinkInvalid:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(join, range(4))) == [False, False, False, True]


def test_link_survives_rejected_password(users: UserService, user_admin: UserAdminService, admin: Viewer) -> None:
    grant = user_admin.invite("ben@example.com", "agent", admin)
    with pytest.raises(PasswordTooShort):
        users.redeem_grant(grant, "short")
    assert users.user_of_grant(grant).email == "ben@example.com"


def test_reset_link_takes_effect_when_used(
    *,
    users: UserService,
    user_admin: UserAdminService,
    sessions: SessionService,
    enter: Callable[..., str],
    admin: Viewer,
    ana: Viewer,
    log: AuditLog,
) -> None:
    token = enter(ana)
    grant = user_admin.make_link(ana.user_id, admin)
    assert sessions.viewer(token) is not None
    users.redeem_grant(grant, NEW_PASSWORD)
    assert sessions.viewer(token) is None
    assert users.sign_in(ana.email, PASSWORD) is None
    assert log.lines[-3:-1] == [
        "office@example.com link made ana@example.com",
        "ana@example.com password changed ana@example.com",
    ]


def test_new_link_invalidates_earlier_links(
    users: UserService, user_admin: UserAdminService, admin: Viewer, ana: Viewer
) -> None:
    invited = user_admin.invite("ben@example.com", "agent", admin)
    for user_id, earlier in ((invited.user_id, invited), (ana.user_id, user_admin.make_link(ana.user_id, admin))):
        latest = user_admin.make_link(user_id, admin)
        with pytest.raises(LinkInvalid):
            users.user_of_grant(earlier)
        with pytest.raises(LinkInvalid):
            users.redeem_grant(earlier, NEW_PASSWORD)
        assert users.user_of_grant(latest).user_id == user_id
    assert users.sign_in(ana.email, PASSWORD) is not None


def test_only_last_of_concurrent_links_works(
    users: UserService, user_admin: UserAdminService, admin: Viewer, ana: Viewer
) -> None:
    barrier = threading.Barrier(4)

    def make(_: int) -> PasswordGrant:
        barrier.wait(timeout=HANG_S)
        return user_admin.make_link(ana.user_id, admin)

    with ThreadPoolExecutor(4) as pool:
        grants = sorted(pool.map(make, range(4)), key=lambda grant: grant.link_number)
    assert [grant.link_number for grant in grants] == [1, 2, 3, 4]
    for grant in grants[:-1]:
        with pytest.raises(LinkInvalid):
            users.user_of_grant(grant)
    assert users.user_of_grant(grants[-1]).email == ana.email


def test_ending_sessions_invalidates_links(
    users: UserService, user_admin: UserAdminService, admin: Viewer, ana: Viewer
) -> None:
    for end in (
        lambda: users.set_password(ana.email, PASSWORD),
        lambda: users.sign_out_everywhere(ana),
        lambda: user_admin.deactivate(ana.user_id, admin),
    ):
        grant = user_admin.make_link(ana.user_id, admin)
        end()
        with pytest.raises(LinkInvalid):
            users.user_of_grant(grant)
    user_admin.reactivate(ana.user_id, admin)
    with pytest.raises(LinkInvalid):
        users.user_of_grant(grant)


def test_token_expires_and_needs_our_key(clock: Clock) -> None:
    grant = PasswordGrant(7, 3, 2)
    token = encode(grant, KEY, clock())
    assert decode(token, KEY, clock()) == grant
    assert decode(token, KEY, clock() + LIFETIME - timedelta(seconds=1)) == grant
    for bad, key, late in (
        (token, KEY, LIFETIME),
        (token, "another key", timedelta()),
        (token[:-1], KEY, timedelta()),
        ("", KEY, timedelta()),
        ("é", KEY, timedelta()),
    ):
        with pytest.raises(LinkInvalid):
            decode(bad, key, clock() + late)


def test_deactivation_ends_sessions_permanently(
    *,
    user_admin: UserAdminService,
    sessions: SessionService,
    enter: Callable[..., str],
    admin: Viewer,
    ana: Viewer,
    log: AuditLog,
) -> None:
    token = enter(ana)
    assert user_admin.deactivate(ana.user_id, admin).state == "active"
    assert user_admin.get(ana.user_id, admin).state == "deactivated"
    assert sessions.viewer(token) is None
    with pytest.raises(UserDeactivated, match="ana@example.com is deactivated"):
        user_admin.make_link(ana.user_id, admin)
    user_admin.reactivate(ana.user_id, admin)
    assert sessions.viewer(token) is None
    assert enter(ana)
    assert [(e.change.action, dict(e.change.before), dict(e.change.after)) for e in log.entries[-3:-1]] == [
        ("deactivated", {"is_active": True}, {"is_active": False}),
        ("reactivated", {"is_active": False}, {"is_active": True}),
    ]


def test_no_op_change_is_not_recorded(user_admin: UserAdminService, admin: Viewer, ana: Viewer, log: AuditLog) -> None:
    before = log.lines
    user_admin.reactivate(ana.user_id, admin)
    user_admin.set_role(ana.user_id, "agent", admin)
    assert log.lines == before


def test_role_change_ends_sessions_of_the_user_only(
    *,
    user_admin: UserAdminService,
    sessions: SessionService,
    enter: Callable[..., str],
    admin: Viewer,
    ana: Viewer,
    log: AuditLog,
) -> None:
    anas, offices, other = enter(ana), enter(admin), enter(admin)
    found = sessions.viewer(offices)
    assert found is not None
    user_admin.set_role(ana.user_id, "admin", found.viewer)
    assert sessions.viewer(anas) is None
    assert sessions.viewer(other) is not None
    change = log.entries[-1].change
    assert (change.action, change.before, change.after) == ("role changed", {"role": "agent"}, {"role": "admin"})
    user_admin.set_role(admin.user_id, "agent", found.viewer)
    assert sessions.viewer(other) is None
    kept = sessions.viewer(offices)
    assert kept is not None
    assert not kept.viewer.is_admin


def test_last_admin_cannot_leave(user_admin: UserAdminService, admin: Viewer, ana: Viewer) -> None:
    invited = user_admin.invite("ben@example.com", "admin", admin)  # cannot sign in yet
    with pytest.raises(LastAdmin, match="office@example.com is the only admin"):
        user_admin.deactivate(admin.user_id, admin)
    with pytest.raises(LastAdmin):
        user_admin.set_role(admin.user_id, "agent", admin)
    assert user_admin.get(admin.user_id, admin).is_working_admin
    user_admin.deactivate(invited.user_id, admin)
    user_admin.set_role(ana.user_id, "admin", admin)
    user_admin.set_role(admin.user_id, "agent", admin)


def test_concurrent_deactivation_keeps_one_admin(
    database: Database, user_admin: UserAdminService, admin: Viewer, ana: Viewer
) -> None:
    for _ in range(5):
        database.fetch("UPDATE users SET role = 'admin', is_active = TRUE")
        barrier = threading.Barrier(2)

        def leave(user_id: int, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(timeout=HANG_S)
            try:
                user_admin.deactivate(user_id, admin)
            except LastAdmin:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, (admin.user_id, ana.user_id))) == [False, True]


def test_invalid_invitations_are_refused(user_admin: UserAdminService, admin: Viewer, ana: Viewer) -> None:
    with pytest.raises(EmailTaken):
        user_admin.invite(ana.email.upper(), "agent", admin)
    with pytest.raises(EmailInvalid):
        user_admin.invite("ben", "agent", admin)
    assert len(user_admin.listing(admin).rows) == 2


def test_unknown_user_is_refused(users: UserService, user_admin: UserAdminService, admin: Viewer) -> None:
    for user_id in (999, 10**12):
        for use in (user_admin.get, user_admin.make_link, user_admin.deactivate, user_admin.reactivate):
            with pytest.raises(UserUnknown):
                use(user_id, admin)
        with pytest.raises(UserUnknown):
            user_admin.set_role(user_id, "admin", admin)
        with pytest.raises(LinkInvalid):
            users.user_of_grant(PasswordGrant(user_id, 0))
    with pytest.raises(SignedOut):
        users.change_password(Viewer(999, admin.email, is_admin=True), PASSWORD, NEW_PASSWORD)


def test_listing_searches_and_paginates(
    database: Database, user_admin: UserAdminService, admin: Viewer, ana: Viewer
) -> None:
    database.fetch(
        """
        INSERT INTO users (email, password_hash, full_name)
        SELECT 'user' || LPAD(number::text, 3, '0') || '@example.com', 'x', '100%% Nr ' || number
        FROM GENERATE_SERIES(1, %s) AS number
        """,
        (PAGE_SIZE,),
    )
    user_admin.deactivate(ana.user_id, admin)
    first, second = user_admin.listing(admin), user_admin.listing(admin, page=2)
    assert len(first.rows) == PAGE_SIZE
    assert first.has_more
    assert [user.email for user in second.rows] == ["user050@example.com", ana.email]
    assert not second.has_more
    assert [user.email for user in user_admin.listing(admin, text="LIMA\x00").rows] == [ana.email]
    assert [user.email for user in user_admin.listing(admin, text="olga").rows] == [admin.email]
    assert len(user_admin.listing(admin, text="100%").rows) == PAGE_SIZE
    assert user_admin.listing(admin, text="_").rows == ()


def test_user_admin_requires_admin(users: UserService, user_admin: UserAdminService, ana: Viewer) -> None:
    for use in (
        lambda: users.active_users(ana),
        lambda: user_admin.listing(ana),
        lambda: user_admin.get(ana.user_id, ana),
        lambda: user_admin.invite("eve@example.com", "admin", ana),
        lambda: user_admin.make_link(ana.user_id, ana),
        lambda: user_admin.set_role(ana.user_id, "admin", ana),
        lambda: user_admin.deactivate(ana.user_id, ana),
        lambda: user_admin.reactivate(ana.user_id, ana),
    ):
        with pytest.raises(AdminsOnly):
            use()


def test_audit_log_names_actor_never_password(
    users: UserService, admin: Viewer, ana: Viewer, log: AuditLog, database: Database
) -> None:
    users.change_password(ana, PASSWORD, NEW_PASSWORD)
    users.set_password(ana.email, PASSWORD)
    users.sign_out_everywhere(admin)
    assert log.lines == [
        "command line created office@example.com",
        "command line created ana@example.com",
        "ana@example.com password changed ana@example.com",
        "command line password changed ana@example.com",
        "office@example.com signed out everywhere office@example.com",
    ]
    everything = str(database.fetch("SELECT audit_log::text FROM audit_log"))
    for secret in (PASSWORD, NEW_PASSWORD, "argon2", "hash"):
        assert secret not in everything


def test_initial_setup_is_recorded(users: UserService, log: AuditLog) -> None:
    users.create_first_admin("office@example.com", PASSWORD)
    assert log.lines == ["office@example.com set up office@example.com"]


def test_sign_out_everywhere_ends_sessions(
    users: UserService, sessions: SessionService, enter: Callable[..., str], ana: Viewer
) -> None:
    token = enter(ana)
    users.sign_out_everywhere(ana)
    assert sessions.viewer(token) is None
    assert sessions.viewer(enter(ana)) is not None


def test_security_changes_are_logged_without_secrets(
    *,
    users: UserService,
    user_admin: UserAdminService,
    admin: Viewer,
    ana: Viewer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "peterental.users")
    grant = user_admin.invite("ben@example.com", "agent", admin, "Ben Okafor")
    user_admin.make_link(ana.user_id, admin)
    user_admin.set_role(ana.user_id, "admin", admin)
    user_admin.deactivate(ana.user_id, admin)
    user_admin.reactivate(ana.user_id, admin)
    users.redeem_grant(grant, NEW_PASSWORD)
    users.change_password(admin, PASSWORD, NEW_PASSWORD)
    users.set_password(ana.email, NEW_PASSWORD)
    assert caplog.messages == [
        "Invited: ben@example.com as agent by office@example.com",
        "Password link made: ana@example.com by office@example.com",
        "Role changed: ana@example.com to admin by office@example.com",
        "Deactivated: ana@example.com by office@example.com",
        "Reactivated: ana@example.com by office@example.com",
        "Password changed: ben@example.com by a one-time link",
        "Password changed: office@example.com",
        "Password changed: ana@example.com by command line",
    ]
