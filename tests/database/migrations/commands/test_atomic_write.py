"""A file that is replaced has the old or the new text, whatever fails."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from peterental.database.migrations.commands.atomic_write import replace_file
from peterental.database.migrations.commands.schema import CannotWriteSchema, write_recorded


def fail_with_full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "schema.sql"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", fail_with_full_disk)
    with pytest.raises(CannotWriteSchema) as caught:
        write_recorded(path, "new")
    assert str(caught.value) == f"Cannot write to {path}: No space left on device."
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_size_limit_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "schema.sql"
    path.write_text("old")
    code = (
        "import resource, signal, sys, pathlib;"
        "from peterental.database.migrations.commands.schema import write_recorded;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "write_recorded(pathlib.Path(sys.argv[1]), 'x' * 100_000)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert f"CannotWriteSchema: Cannot write to {path}: File too large." in done.stderr
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_link_stays_and_permissions_too(tmp_path: Path) -> None:
    path, link = tmp_path / "schema.sql", tmp_path / "link.sql"
    path.write_text("old")
    path.chmod(0o640)
    link.symlink_to("schema.sql")
    replace_file(link, "new")
    assert (link.is_symlink(), path.read_text(), path.stat().st_mode & 0o777) == (True, "new", 0o640)


def test_dangling_link_gets_its_file(tmp_path: Path) -> None:
    (tmp_path / "link.sql").symlink_to("schema.sql")
    replace_file(tmp_path / "link.sql", "new")
    assert (tmp_path / "schema.sql").read_text() == "new"


def test_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()))
    reader.start()
    replace_file(pipe, "new")
    reader.join()
    assert received == ["new"]
    assert pipe.is_fifo()


def test_device_is_written_to() -> None:
    replace_file(Path("/dev/null"), "new")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(CannotWriteSchema, match="Cannot write to /dev/full: No space left on device"):
        write_recorded(Path("/dev/full"), "new")
