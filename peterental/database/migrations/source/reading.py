"""Read the files of a folder that anyone may fill: one may be a pipe, a device, or far too large."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MAX_BYTES = 64 * 1024**2
"""The largest migration. The text is in memory several times while it is parsed; rows in bulk belong elsewhere."""

_MEBIBYTE = 1024**2
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Unreadable(Exception):
    """A file cannot be read; the message begins with its name."""


def read_regular_file(path: Path) -> bytes:
    """Return the content of a regular file, without ever waiting for it.

    Raises Unreadable for anything but a regular file, for one above MAX_BYTES, and where the system refuses it.
    """
    try:
        # Looked at before it is opened: to open a device may already do something. A pipe would wait for a writer.
        _refuse_special(path, os.stat(path).st_mode)  # noqa: PTH116  # several times faster, for thousands of files
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  # a path would be opened again
            status = os.fstat(descriptor)
            _refuse_special(path, status.st_mode)
            if status.st_size > MAX_BYTES:
                raise _too_large(path, status.st_size)
            content = file.readall()
    except FileNotFoundError as error:
        if path.is_symlink():
            message = f"{path.name} is a link to {os.readlink(path)}, which does not exist"  # noqa: PTH115  # as written
            raise Unreadable(message) from error
        raise _refused(path, error) from error
    except OSError as error:
        raise _refused(path, error) from error
    if len(content) > MAX_BYTES:  # its size is unknown, or it grows
        raise _too_large(path, len(content))
    return content


def _refuse_special(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
    raise Unreadable(f"{path.name} is {kind}, not a file")


def _too_large(path: Path, size_bytes: int) -> Unreadable:
    size, limit = -(-size_bytes // _MEBIBYTE), MAX_BYTES // _MEBIBYTE
    return Unreadable(f"{path.name} has {size:,} MB, but a migration may have {limit} MB; load many rows with psql")


def _refused(path: Path, error: OSError) -> Unreadable:
    return Unreadable(f"cannot read {path}: {error.strerror or error}")
