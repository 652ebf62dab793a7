"""What admins do for other users, and what the audit log says about it."""

from __future__ import annotations

import threading
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
    UserDeactivated,
    UserGone,
    UserUnknown,
)
from peterental.users.password_links import LIFETIME, decode, encode
from peterental.users.service import UserService
from tests.servers import HANG_S

if TYPE_CHECKING:
    from tests.users.conftest import Clock, Log

WORDS = "correct horse battery"
CHOSEN = "a password of my own"
KEY = "a key for tests"


def test_somebody_who_is_invited_chooses_a_password_by_the_link(
    users: UserService, members: UserAdminService, office: Viewer, log: Log
) -> None:
    grant = members.invite(" ben@example.com ", "agent", office, "Ben Okafor")
    ben = members.get(grant.user_id, office)
    assert (ben.email, ben.name, ben.role, ben.state) == ("ben@example.com", "Ben Okafor", "agent", "invited")
    for guess in ("", WORDS):
        assert users.sign_in("ben@example.com", guess) is None
    signed_in = users.redeem_grant(grant, CHOSEN)
    assert users.viewer(grant.user_id, signed_in.session_epoch) == signed_in.viewer
    assert not signed_in.viewer.is_admin
    assert users.sign_in("ben@example.com", CHOSEN) is not None
    assert members.get(grant.user_id, office).state == "active"
    assert log.lines[1:] == [
        "office@example.com invited ben@example.com",
        "ben@example.com password changed ben@example.com",
    ]
    assert log.entries[1].change.after == {"email": "ben@example.com", "full_name": "Ben Okafor", "role": "agent"}


def test_an_invitation_that_is_sent_twice_is_one_and_its_link_works(
    users: UserService, members: UserAdminService, office: Viewer, log: Log
) -> None:
    with ThreadPoolExecutor(4) as pool:
        grants = set(pool.map(lambda _: members.invite("ben@example.com", "agent", office, "Ben"), range(4)))
    (grant,) = grants
    assert log.lines[1:] == ["office@example.com invited ben@example.com"]
    later = members.make_link(grant.user_id, office)
    assert members.invite("ben@example.com", "agent", office, "Ben") == later
    for role, name in (("admin", "Ben"), ("agent", "Benjamin")):
        with pytest.raises(EmailTaken):
            members.invite("ben@example.com", role, office, name)  # type: ignore[arg-type]
    users.redeem_grant(later, CHOSEN)
    with pytest.raises(EmailTaken):
        members.invite("ben@example.com", "agent", office, "Ben")


def test_a_link_works_once(users: UserService, members: UserAdminService, office: Viewer) -> None:
    grant = members.invite("ben@example.com", "agent", office)
    users.redeem_grant(grant, CHOSEN)
    with pytest.raises(LinkInvalid, match="Ask an admin"):
        users.user_of_grant(grant)
    with pytest.raises(LinkInvalid, match="Ask an admin"):
        users.redeem_grant(grant, "the next password")


def test_of_four_who_use_a_link_at_once_one_succeeds(
    users: UserService, members: UserAdminService, office: Viewer
) -> None:
    grant = members.invite("ben@example.com", "agent", office)
    together = threading.Barrier(4)

    def join(number: int) -> bool:
        together.wait(timeout=HANG_S)
        try:
            users.redeem_grant(grant, f"password number {number}")
        except LinkInvalid:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(join, range(4))) == [False, False, False, True]


def test_a_link_that_was_opened_with_a_bad_password_still_works(
    users: UserService, members: UserAdminService, office: Viewer
) -> None:
    grant = members.invite("ben@example.com", "agent", office)
    with pytest.raises(PasswordTooShort):
        users.redeem_grant(grant, "short")
    assert users.user_of_grant(grant).email == "ben@example.com"


def test_a_reset_link_leaves_the_old_password_until_it_is_used_and_then_ends_all_sessions(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer, log: Log
) -> None:
    grant = members.make_link(ana.user_id, office)
    assert users.viewer(ana.user_id, 0) == ana
    assert users.sign_in(ana.email, WORDS) is not None
    users.redeem_grant(grant, CHOSEN)
    assert users.viewer(ana.user_id, 0) is None
    assert users.sign_in(ana.email, WORDS) is None
    assert log.lines[-2:] == [
        "office@example.com link made ana@example.com",
        "ana@example.com password changed ana@example.com",
    ]


def test_a_new_link_calls_off_those_before_and_signs_nobody_out(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer
) -> None:
    invited = members.invite("ben@example.com", "agent", office)
    for user_id, earlier in ((invited.user_id, invited), (ana.user_id, members.make_link(ana.user_id, office))):
        latest = members.make_link(user_id, office)
        with pytest.raises(LinkInvalid):
            users.user_of_grant(earlier)
        with pytest.raises(LinkInvalid):
            users.redeem_grant(earlier, CHOSEN)
        assert users.user_of_grant(latest).user_id == user_id
    assert users.viewer(ana.user_id, 0) == ana
    assert users.sign_in(ana.email, WORDS) is not None


def test_of_links_made_at_once_only_the_last_works(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer
) -> None:
    together = threading.Barrier(4)

    def make(_: int) -> PasswordGrant:
        together.wait(timeout=HANG_S)
        return members.make_link(ana.user_id, office)

    with ThreadPoolExecutor(4) as pool:
        grants = sorted(pool.map(make, range(4)), key=lambda grant: grant.link_number)
    assert [grant.link_number for grant in grants] == [1, 2, 3, 4]
    for grant in grants[:-1]:
        with pytest.raises(LinkInvalid):
            users.user_of_grant(grant)
    assert users.user_of_grant(grants[-1]).email == ana.email


def test_whatever_ends_sessions_calls_links_off(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer
) -> None:
    for end in (
        lambda: users.set_password(ana.email, WORDS),
        lambda: users.sign_out_everywhere(ana),
        lambda: members.deactivate(ana.user_id, office),
    ):
        grant = members.make_link(ana.user_id, office)
        end()
        with pytest.raises(LinkInvalid):
            users.user_of_grant(grant)
    members.reactivate(ana.user_id, office)
    with pytest.raises(LinkInvalid):
        users.user_of_grant(grant)


def test_a_token_is_good_for_seven_days_and_only_with_our_key(clock: Clock) -> None:
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


def test_a_deactivated_user_is_signed_out_for_good(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer, log: Log
) -> None:
    assert members.deactivate(ana.user_id, office).state == "active"
    assert members.get(ana.user_id, office).state == "deactivated"
    assert users.viewer(ana.user_id, 0) is None
    with pytest.raises(UserDeactivated, match="ana@example.com is deactivated"):
        members.make_link(ana.user_id, office)
    members.reactivate(ana.user_id, office)
    assert users.viewer(ana.user_id, 0) is None
    assert users.sign_in(ana.email, WORDS) is not None
    assert [(e.change.action, dict(e.change.before), dict(e.change.after)) for e in log.entries[-2:]] == [
        ("deactivated", {"is_active": True}, {"is_active": False}),
        ("reactivated", {"is_active": False}, {"is_active": True}),
    ]


def test_what_is_so_already_is_not_done_again(members: UserAdminService, office: Viewer, ana: Viewer, log: Log) -> None:
    before = log.lines
    members.reactivate(ana.user_id, office)
    members.set_role(ana.user_id, "agent", office)
    assert log.lines == before


def test_a_role_changes_what_somebody_sees_at_once(
    users: UserService, members: UserAdminService, office: Viewer, ana: Viewer, log: Log
) -> None:
    members.set_role(ana.user_id, "admin", office)
    viewer = users.viewer(ana.user_id, 0)
    assert viewer is not None
    assert viewer.is_admin
    change = log.entries[-1].change
    assert (change.action, change.before, change.after) == ("role changed", {"role": "agent"}, {"role": "admin"})


def test_the_last_admin_stays(members: UserAdminService, office: Viewer, ana: Viewer) -> None:
    invited = members.invite("ben@example.com", "admin", office)  # who cannot sign in yet
    with pytest.raises(LastAdmin, match="office@example.com is the only admin"):
        members.deactivate(office.user_id, office)
    with pytest.raises(LastAdmin):
        members.set_role(office.user_id, "agent", office)
    assert members.get(office.user_id, office).is_working_admin
    members.deactivate(invited.user_id, office)
    members.set_role(ana.user_id, "admin", office)
    members.set_role(office.user_id, "agent", office)


def test_of_two_admins_who_deactivate_each_other_one_stays(
    database: Database, members: UserAdminService, office: Viewer, ana: Viewer
) -> None:
    for _ in range(5):
        database.fetch("UPDATE users SET role = 'admin', is_active = TRUE")
        together = threading.Barrier(2)

        def leave(user_id: int, together: threading.Barrier = together) -> bool:
            together.wait(timeout=HANG_S)
            try:
                members.deactivate(user_id, office)
            except LastAdmin:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, (office.user_id, ana.user_id))) == [False, True]


def test_who_cannot_be_invited_is_refused(members: UserAdminService, office: Viewer, ana: Viewer) -> None:
    with pytest.raises(EmailTaken):
        members.invite(ana.email.upper(), "agent", office)
    with pytest.raises(EmailInvalid):
        members.invite("ben", "agent", office)
    assert len(members.listing(office).rows) == 2


def test_an_unknown_user_is_gone(users: UserService, members: UserAdminService, office: Viewer) -> None:
    for user_id in (999, 10**12):
        for use in (members.get, members.make_link, members.deactivate, members.reactivate):
            with pytest.raises(UserGone):
                use(user_id, office)
        with pytest.raises(UserGone):
            members.set_role(user_id, "admin", office)
        with pytest.raises(LinkInvalid):
            users.user_of_grant(PasswordGrant(user_id, 0))
    with pytest.raises(UserUnknown):
        users.change_password(Viewer(999, office.email, is_admin=True), WORDS, CHOSEN)


def test_the_list_is_searched_and_paged_and_the_deactivated_come_last(
    database: Database, members: UserAdminService, office: Viewer, ana: Viewer
) -> None:
    database.fetch(
        """
        INSERT INTO users (email, password_hash, full_name)
        SELECT 'user' || LPAD(number::text, 3, '0') || '@example.com', 'x', '100%% Nr ' || number
        FROM GENERATE_SERIES(1, %s) AS number
        """,
        (PAGE_SIZE,),
    )
    members.deactivate(ana.user_id, office)
    first, second = members.listing(office), members.listing(office, page=2)
    assert len(first.rows) == PAGE_SIZE
    assert first.has_more
    assert [member.email for member in second.rows] == ["user050@example.com", ana.email]
    assert not second.has_more
    assert [m.email for m in members.listing(office, text="LIMA\x00").rows] == [ana.email]
    assert [m.email for m in members.listing(office, text="olga").rows] == [office.email]
    assert len(members.listing(office, text="100%").rows) == PAGE_SIZE
    assert members.listing(office, text="_").rows == ()


def test_only_admins_look_after_users(users: UserService, members: UserAdminService, ana: Viewer) -> None:
    for use in (
        lambda: users.active_users(ana),
        lambda: members.require_admin(ana),
        lambda: members.listing(ana),
        lambda: members.get(ana.user_id, ana),
        lambda: members.invite("eve@example.com", "admin", ana),
        lambda: members.make_link(ana.user_id, ana),
        lambda: members.set_role(ana.user_id, "admin", ana),
        lambda: members.deactivate(ana.user_id, ana),
        lambda: members.reactivate(ana.user_id, ana),
    ):
        with pytest.raises(AdminsOnly):
            use()


def test_the_log_names_who_did_it_and_never_a_password(
    users: UserService, office: Viewer, ana: Viewer, log: Log, database: Database
) -> None:
    users.change_password(ana, WORDS, CHOSEN)
    users.set_password(ana.email, WORDS)
    users.sign_out_everywhere(office)
    assert log.lines == [
        "command line created office@example.com",
        "command line created ana@example.com",
        "ana@example.com password changed ana@example.com",
        "command line password changed ana@example.com",
        "office@example.com signed out everywhere office@example.com",
    ]
    everything = str(database.fetch("SELECT audit_log::text FROM audit_log"))
    for secret in (WORDS, CHOSEN, "argon2", "hash"):
        assert secret not in everything


def test_the_first_set_up_is_in_the_log(users: UserService, log: Log) -> None:
    users.create_first_admin("office@example.com", WORDS)
    assert log.lines == ["office@example.com set up office@example.com"]


def test_signing_out_everywhere_ends_every_session(users: UserService, ana: Viewer) -> None:
    users.sign_out_everywhere(ana)
    assert users.viewer(ana.user_id, 0) is None
    again = users.sign_in(ana.email, WORDS)
    assert again is not None
    assert users.viewer(ana.user_id, again.session_epoch) == ana
