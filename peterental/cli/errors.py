"""Error handling of every command: expected errors become one message on stderr and exit code 1."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import Any

from peterental.database.migrations.errors import EngineError
from peterental.errors import PeteRentalError


def report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command: expected errors and Ctrl-C become one message on stderr and exit code 1."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        # The pool warns about every failed attempt to connect; the message at the end says why.
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        try:
            command(*args, **kwargs)
        except (PeteRentalError, EngineError) as error:
            sys.exit(f"❌ {error}")
        except KeyboardInterrupt:
            sys.exit("❌ Stopped; flask db-status shows what was applied.")

    return run
