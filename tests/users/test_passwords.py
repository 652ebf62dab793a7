"""Passwords: common ones are refused, and checking them is bounded in memory and in threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.users.admin_service import UserAdminService
from peterental.users.common_passwords import is_common
from peterental.users.model import PasswordCommon, SignInBusy
from peterental.users.passwords import PasswordLimits, Passwords
from peterental.users.service import UserService
from tests.gunicorn import PROJECT_DIR
from tests.servers import HANG_S

WORDS = "correct horse battery"


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password1234!",
        "P@ssw0rd12345",
        "123456789012",
        "qwertyuiop12",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "x" * 1000,
        "1234567890" * 100,
        "iloveyou1234",
        "administrator",
        "Welcome12345",
        "changeme1234",
        "november 2026",
        "trustno1trustno1",
        "PeteRental2026",
        "peterental!!",
    ],
)
def test_common_password_is_refused(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize(
    "password",
    [WORDS, "another password", "twelve chars", "my dog has fleas", "kT9#vq2!LmZx", "caf\u00e9 au lait please"],
)
def test_uncommon_password_is_accepted(password: str) -> None:
    assert not is_common(password, ["ana@example.com", "Ana Lima"])


@pytest.mark.parametrize(
    "password",
    ["zelda.quibble@larkspur.example", "Quibble Zelda", "larkspurzelda", "zeldaquibble1", "l.a.r.k.s.p.u.r.z.e.l.d.a"],
)
def test_own_name_and_address_are_refused(password: str) -> None:
    assert is_common(password, ["zelda.quibble@larkspur.example", "Zelda Quibble"])
    assert is_common(password, ["zelda.quibble@larkspur.example"])


@pytest.mark.parametrize(("password", "is_refused"), [("quibble zelda wjqz", True), ("quibble zelda wjqzk", False)])
def test_five_letters_beside_the_own_name_are_enough(password: str, *, is_refused: bool) -> None:
    assert is_common(password, ["zelda.quibble@larkspur.example", "Zelda Quibble"]) is is_refused


def test_every_way_to_choose_a_password_refuses_common_ones(
    users: UserService, user_admin: UserAdminService, ana: Viewer, admin: Viewer
) -> None:
    common = "Password1234!"
    grant = user_admin.make_link(ana.user_id, admin)
    for choose in (
        lambda: users.create("ben@example.com", common, "agent"),
        lambda: users.create_first_admin("ben@example.com", common),
        lambda: users.set_password(ana.email, common),
        lambda: users.change_password(ana, WORDS, common),
        lambda: users.redeem_grant(grant, common),
        lambda: users.redeem_grant(grant, "ana@example.com"),
        lambda: users.redeem_grant(grant, "Ana Lima Lima"),
    ):
        with pytest.raises(PasswordCommon, match="Choose several unrelated words"):
            choose()
    assert users.redeem_grant(grant, "a password of my own")


def test_existing_common_passwords_still_sign_in(users: UserService, ana: Viewer, database: Database) -> None:
    """The rule is for new passwords: nobody is locked out by an update."""
    database.fetch("UPDATE users SET password_hash = %s", (users.passwords.hash(b"passwordpassword"),))
    assert users.sign_in(ana.email, "passwordpassword") is not None


def test_lists_are_loaded_where_a_password_is_chosen_only() -> None:
    program = "import sys, peterental.web.install; assert 'zxcvbn' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=PROJECT_DIR, check=True)


@pytest.mark.parametrize(
    ("threads", "hashing", "waiting"), [(1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 2, 1), (6, 2, 2), (8, 2, 2), (64, 2, 2)]
)
def test_limits_leave_threads_for_the_phone(threads: int, hashing: int, waiting: int) -> None:
    limits = PasswordLimits.for_threads(threads)
    assert limits == PasswordLimits(hashing, waiting)
    assert threads == 1 or hashing + waiting < threads


def test_flood_of_sign_ins_is_refused_at_once(users: UserService, ana: Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all places are taken, a sign-in is refused without a query and without waiting."""
    users.passwords = Passwords(limits=PasswordLimits(hashing=1, waiting=1))
    with users.passwords.admission(), users.passwords.admission():
        monkeypatch.setattr(Database, "fetch", None)
        for refused in (
            lambda: users.sign_in(ana.email, WORDS),
            lambda: users.change_password(ana, WORDS, "another password"),
        ):
            with pytest.raises(SignInBusy):
                refused()
    monkeypatch.undo()
    assert users.sign_in(ana.email, WORDS) is not None


def test_at_most_two_passwords_are_hashed_at_once() -> None:
    passwords = Passwords(limits=PasswordLimits(hashing=2, waiting=1))
    entered, leave = threading.Semaphore(0), threading.Event()

    def hash_slowly() -> None:
        with passwords.admission(), passwords.hashing_slot():
            entered.release()
            assert leave.wait(HANG_S)

    threads = [threading.Thread(target=hash_slowly) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert entered.acquire(timeout=HANG_S)
    passwords.slot_timeout_s = 0
    with passwords.admission():
        with pytest.raises(SignInBusy), passwords.hashing_slot():
            pass
        with pytest.raises(SignInBusy), passwords.admission():
            pass
    leave.set()
    for thread in threads:
        thread.join()
    assert passwords.verify("x", None) is False


MEMORY_PROGRAM = """
import threading
from pathlib import Path
from peterental.users.model import SignInBusy
from peterental.users.passwords import PasswordLimits, Passwords

def status_kib(name):
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0])

passwords = Passwords(limits=PasswordLimits.for_threads(8))
before = status_kib("VmRSS")
verified = []

def sign_in(number):
    for _ in range(3):
        try:
            with passwords.admission():
                verified.append(passwords.verify(f"password {number}", None))
        except SignInBusy:
            pass

threads = [threading.Thread(target=sign_in, args=(number,)) for number in range(24)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(verified), status_kib("VmHWM") - before, status_kib("VmRSS") - before)
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the memory of a process is read from /proc, which macOS lacks"
)
def test_memory_of_password_checks_is_given_back() -> None:
    """24 threads that sign in at once take 38 MiB for two hashes, and keep next to nothing."""
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_PROGRAM], cwd=PROJECT_DIR, capture_output=True, text=True, check=True
    )
    verified, peak_kib, kept_kib = map(int, done.stdout.split())
    assert verified > 0
    assert peak_kib < 60 * 1024
    assert kept_kib < 15 * 1024
