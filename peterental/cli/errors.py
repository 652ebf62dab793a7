"""Error handling of every command: expected errors become one message on stderr and exit code 1."""

from __future__ import annotations

import errno
import functools
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from peterental.cli.next_commands import completed
from peterental.cli.terminal import make_printable
from peterental.database.migrations.errors import EngineError
from peterental.errors import PeteRentalError

_OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""How standard output fails when it is a file."""


def report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: expected errors and Ctrl-C become one message on stderr and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        # The pool warns about every failed attempt to connect; the message at the end says why.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        make_printable()
        try:
            command(*args, **kwargs)
        except (PeteRentalError, EngineError) as error:
            sys.exit(f"❌ {completed(str(error))}")
        except KeyboardInterrupt:
            sys.exit(completed("❌ Stopped; flask db-status shows what was applied."))
        except OSError as error:
            if error.errno not in _OUTPUT_ERRORS or error.filename is not None:
                raise  # click ends quietly where the reader has gone: … | head
            _discard_output()
            sys.exit(f"❌ The output is incomplete: {error.strerror}. What the command did stays.")

    return run


def _discard_output() -> None:
    """Send what is left in the buffer to nowhere; the interpreter would fail to write it when it ends."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
