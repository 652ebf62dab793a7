"""Running PostgreSQL's programs, and reading from the log why one of them failed."""

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

    from peterental.database.dev_server.os_utils import Account

_LARGE_BYTES = 1_000_000
_NEARLY_NOTHING_BYTES = 100_000
_STAMP = re.compile(r"^\S+ \S+ UTC \[\d+\] ")
_TROUBLE = ("FATAL:", "PANIC:", "ERROR:", "error:")


class ServerLog:
    """The file `server.log` in the home: whatever a program says on stderr, this start's part of it within reach."""

    def __init__(self, path: Path) -> None:
        """Open it to append; one that has grown large begins anew."""
        self.path = path
        fd = open_private(path, os.O_RDWR | os.O_APPEND)
        self.file: IO[bytes] = os.fdopen(fd, "r+b", buffering=0)
        if os.fstat(fd).st_size > _LARGE_BYTES:
            os.truncate(fd, 0)
        self._mark = 0
        self._noted = ""
        self.mark()

    def mark(self) -> None:
        """Remember the end: what comes after it is news."""
        self._mark = self.file.seek(0, os.SEEK_END)
        self._noted = ""

    def note(self, text: str) -> None:
        """Add what a program said; remembered even if the disk is too full to write it down."""
        self._noted += text
        with contextlib.suppress(OSError):
            self.file.write(text.encode())

    def news(self) -> str:
        """Return what was said since the mark."""
        self.file.seek(self._mark)
        return self._noted or self.file.read().decode(errors="replace")

    def reason(self) -> str:
        """Return the news' last line of trouble, to be quoted in a message."""
        lines = [_STAMP.sub("", line).strip() for line in self.news().splitlines() if line.strip()]
        troubles = [line for line in lines if any(word in line for word in _TROUBLE)]
        is_full = shutil.disk_usage(self.path.parent).free < _NEARLY_NOTHING_BYTES
        return (troubles or lines or ["the disk is full" if is_full else "it gave no reason"])[-1]

    def __enter__(self) -> Self:
        """Use it as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.file.close()


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs, who runs them and where they complain."""

    folder: Path
    account: Account | None
    log: ServerLog

    def run(self, name: str, *arguments: str, within: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run one to its end, in the folder `within`, which the account can reach."""
        answer = self._run([str(self.folder / name), *arguments], within, stdin)
        self.log.note(answer.stderr)
        return answer

    def run_in_background(self, name: str, *arguments: str, within: Path) -> int:
        """Start one that goes on without us, out of reach of Ctrl-C in the terminal; returns its pid, 0 without one.

        A shell puts it into the background and ends, so that it is nobody's child: a gunicorn master would take its end
        for that of a worker, and as a zombie it would look alive. Its stdout is the log, too; only the pid is answered.
        """
        shell = ["/bin/sh", "-c", '"$@" >&2 & echo $!', "sh"]
        answer = self._run([*shell, str(self.folder / name), *arguments], within, background=True)
        return int(answer.stdout or 0)

    def _run(
        self, command: list[str], within: Path, stdin: str = "", *, background: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run it with an environment made from scratch, and with no open file but stdin, stdout and stderr.

        PG* variables and TZ of a developer's shell would steer the server, the application's secrets are none of its
        business, and with our locks in its hands nobody would ever be the last to leave.
        """
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LD_LIBRARY_PATH"}}
        return subprocess.run(  # noqa: S603 -- every command is written in this package
            command,
            check=False,
            cwd=within,
            encoding="utf-8",
            env={**kept, "LC_ALL": "C", "TZ": "UTC"},
            extra_groups=[] if self.account else None,
            group=self.account.gid if self.account else None,
            input=stdin,
            start_new_session=background,
            stderr=self.log.file if background else subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=self.account.uid if self.account else None,
        )
