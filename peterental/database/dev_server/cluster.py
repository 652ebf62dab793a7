"""The data folder, created once: initdb, the application's role and database, and their password."""

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
    # Built into the server: the same sort order and lower() on every machine, also beyond ASCII.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    # A power failure while an empty development database is created costs only deleting a folder.
    "--no-sync",
    "--no-instructions",
    "--wal-segsize=4",  # MB; the default of 16 is mostly unused by an empty database but written at its first start
)


def password_for(home: Path) -> str:
    """Return the password in `home/password`; generate and write it (mode 0600) on the first call.

    Raises:
        PasswordLost: The home has data but no password.
    """
    path = home / "password"
    if not path.exists():
        if (home / "data").exists():
            raise PasswordLost(password=path, data=home / "data")
        unfinished = home / "password.new"
        with os.fdopen(open_private(unfinished, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write(secrets.token_hex(PASSWORD_BYTES))
        unfinished.rename(path)
    return path.read_text()


def ensure(paths: ServerPaths, password: str, programs: Programs) -> None:
    """Create the data folder unless it exists; an existing one must match the binaries.

    It is created in a work folder and renamed when complete, so that a kill never leaves a partial database. The work
    folder has a new name each time: the initdb of a killed process may still be writing to the old one.

    Raises:
        NotCreated: initdb or the server failed.
        OtherVersion: Another major version created the data; it is not changed.
    """
    for leftover in paths.base.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if paths.data.exists():
        _check_version(paths, programs)
        return
    work = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=paths.base))
    try:
        chown(work, paths.account)
        if not _initialise(work, password, programs):
            raise NotCreated(home=paths.home, reason=programs.log.reason(), log=programs.log.path)
        (work / "data").rename(paths.data)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _initialise(work: Path, password: str, programs: Programs) -> bool:
    """Run initdb, then create role and database in single-user mode; return whether both succeeded.

    The role is not a superuser, as at a hosting provider: a migration that fails there for lack of privileges fails
    here, too. The superuser `postgres` has the same password.
    """
    password_file = work / "password"  # the account may be unable to read home/password
    with os.fdopen(open_private(password_file, os.O_WRONLY), "w") as file:
        file.write(password)
    data = str(work / "data")
    sql = f"""\
CREATE ROLE {NAME} LOGIN CREATEDB CREATEROLE PASSWORD '{password}'
CREATE DATABASE {NAME} OWNER {NAME} STRATEGY FILE_COPY
"""
    initdb = programs.run("initdb", *_INITDB, f"--pwfile={password_file}", "-D", data, within=work)
    if initdb.returncode:
        return False
    options = ("--single", "-F", "-c", "exit_on_error=on", "-D", data, "postgres")
    return programs.run("postgres", *options, within=work, stdin=sql).returncode == 0


def _check_version(paths: ServerPaths, programs: Programs) -> None:
    """Raise OtherVersion unless the major versions match: `18` in PG_VERSION, `postgres (PostgreSQL) 18.6`."""
    found = (paths.data / "PG_VERSION").read_text().strip()
    installed = programs.run("postgres", "--version", within=paths.base).stdout.strip().rpartition(" ")[2]
    if installed.partition(".")[0] != found:
        raise OtherVersion(data=paths.data, found=found, installed=installed)
