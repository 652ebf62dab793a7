"""Run PostgreSQL's programs, and find in the log why one of them failed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from peterental.database.dev_server.os_utils import open_private

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from peterental.database.dev_server.os_utils import SystemAccount

_MAX_LOG_BYTES = 1_000_000
_DISK_FULL_BYTES = 100_000
_STAMP = re.compile(r"^\S+ \S+ UTC \[\d+\] ")
_ERROR_MARKS = ("FATAL:", "PANIC:", "ERROR:", "error:")


class ServerLog:
    """The file `server.log` in the home: the stderr of all programs; `mark` is where the current start began."""

    def __init__(self, path: Path) -> None:
        """Open the log to append; empty it first if it has grown large."""
        self.path = path
        fd = open_private(path, os.O_RDWR | os.O_APPEND)
        self.file: IO[bytes] = os.fdopen(fd, "r+b", buffering=0)
        if os.fstat(fd).st_size > _MAX_LOG_BYTES:
            os.truncate(fd, 0)
        self._mark = 0
        self._noted = ""
        self.mark()

    def mark(self) -> None:
        """Set the mark at the end of the log."""
        self._mark = self.file.seek(0, os.SEEK_END)
        self._noted = ""

    def note(self, text: str) -> None:
        """Append the output of a program; it is remembered even if the disk is full."""
        self._noted += text
        with contextlib.suppress(OSError):
            self.file.write(text.encode())

    def since_mark(self) -> str:
        """Return what was written since the mark."""
        self.file.seek(self._mark)
        return self._noted or self.file.read().decode(errors="replace")

    def reason(self) -> str:
        """Return the last error line since the mark, for a message."""
        lines = [_STAMP.sub("", line).strip() for line in self.since_mark().splitlines() if line.strip()]
        errors = [line for line in lines if any(word in line for word in _ERROR_MARKS)]
        is_full = shutil.disk_usage(self.path.parent).free < _DISK_FULL_BYTES
        return (errors or lines or ["the disk is full" if is_full else "it gave no reason"])[-1]

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the log."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs, the account that runs them, and the log for their stderr."""

    folder: Path
    account: SystemAccount | None
    log: ServerLog

    def run(self, name: str, *arguments: str, within: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program to its end, in the folder `within`, which the account must be able to reach."""
        completed = self._run([str(self.folder / name), *arguments], within, stdin)
        self.log.note(completed.stderr)
        return completed

    def run_in_background(self, name: str, *arguments: str, within: Path) -> int:
        """Start a program in a new session, out of reach of Ctrl-C; return its pid, 0 if it did not start.

        A shell starts it in the background and exits, so that it is not our child: a gunicorn master would mistake its
        end for that of a worker, and as a zombie it would look alive. Its stdout goes to the log.
        """
        shell = ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh"]
        completed = self._run([*shell, str(self.folder / name), *arguments], within, background=True)
        return int(completed.stdout or 0)

    def _run(
        self, command: list[str], within: Path, stdin: str = "", *, background: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with a minimal environment and no open files but stdin, stdout and stderr.

        PG* variables and TZ of a developer's shell would change the server's behaviour, the application's secrets must
        not reach it, and if it inherited our lock files, no process would ever be the last one to leave.
        """
        inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH"}}
        return subprocess.run(  # noqa: S603 -- every command is written in this package
            command,
            check=False,
            cwd=within,
            encoding="utf-8",
            env={**inherited, "LC_ALL": "C", "TZ": "UTC"},
            extra_groups=[] if self.account else None,
            group=self.account.gid if self.account else None,
            input=stdin,
            start_new_session=background,
            stderr=self.log.file if background else subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=self.account.uid if self.account else None,
        )
