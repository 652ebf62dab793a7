"""The data folder, made once: initdb, the role and database of the application, and their password."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from peterental.database.dev_server.errors import NotCreated, OtherVersion, PasswordLost
from peterental.database.dev_server.os_utils import chown, open_private

if TYPE_CHECKING:
    from peterental.database.dev_server.paths import ServerPaths
    from peterental.database.dev_server.programs import Programs

NAME = "peterental"  # of the role and of its database
PASSWORD_BYTES = 24
_UNFINISHED = "data.new-"

_INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # Built into the server: the same order and the same lower() on every machine, letters beyond ASCII included.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    # Not waiting for the disk. What that would protect from, the machine losing power in the very seconds in which an
    # empty development database is made, costs deleting a folder.
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=4",  # MB; of the usual 16 an empty database uses little, and every first start writes them all
)


def password_for(home: Path) -> str:
    """Return the password kept in `home/password`, made up and written (mode 0600) on the first call.

    Raises:
        PasswordLost: There is data in the home, but no password any more.
    """
    kept = home / "password"
    if not kept.exists():
        if (home / "data").exists():
            raise PasswordLost(password=kept, data=home / "data")
        unfinished = home / "password.new"
        with os.fdopen(open_private(unfinished, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write(secrets.token_hex(PASSWORD_BYTES))
        unfinished.rename(kept)
    return kept.read_text()


def ensure(place: ServerPaths, password: str, programs: Programs) -> None:
    """Make the data folder unless it is there; what is there must fit the binaries.

    Everything is made in a work folder and renamed when complete, so that being killed leaves no half of a database.
    The work folder has a new name each time, since an initdb whose starter was killed goes on in the old one.

    Raises:
        NotCreated: initdb or the server said no.
        OtherVersion: The data was made by another major version; it is left as it is.
    """
    for leftover in place.base.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if place.data.exists():
        _check_version(place, programs)
        return
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place.base))
    try:
        chown(work, place.account)
        if not _initialise(work, password, programs):
            raise NotCreated(home=place.home, reason=programs.log.reason(), log=programs.log.path)
        (work / "data").rename(place.data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _initialise(work: Path, password: str, programs: Programs) -> bool:
    """Run initdb, then a server for one (no port, no socket) that makes role and database; True when both went well.

    The role is no superuser, as it is none at a hosting provider: what a migration may not do there fails here, too.
    The superuser `postgres` has the same password.
    """
    given = work / "password"  # home/password may be beyond the account's reach
    with os.fdopen(open_private(given, os.O_WRONLY), "w") as file:
        file.write(password)
    data = str(work / "data")
    sql = f"""\
CREATE ROLE {NAME} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'
CREATE DATABASE {NAME} OWNER {NAME} STRATEGY FILE_COPY
"""
    initdb = programs.run("initdb", *_INITDB, f"--pwfile={given}", "-D", data, within=work)
    if initdb.returncode:
        return False
    options = ("--single", "-F", "-c", "exit_on_error=on", "-D", data, "postgres")
    return programs.run("postgres", *options, within=work, stdin=sql).returncode == 0


def _check_version(place: ServerPaths, programs: Programs) -> None:
    """Compare majors: `18` in PG_VERSION with `postgres (PostgreSQL) 18.6`."""
    found = (place.data / "PG_VERSION").read_text().strip()
    installed = programs.run("postgres", "--version", within=place.base).stdout.strip().rpartition(" ")[2]
    if installed.partition(".")[0] != found:
        raise OtherVersion(data=place.data, found=found, installed=installed)
