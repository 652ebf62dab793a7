"""The process that finishes migrations in the background; the job `finish_migrations` starts it after a deploy.

It ends when nothing is left, and when the worker of that job does, which holds the other end of its standard input.
"""

from __future__ import annotations

import logging
import logging.config
import os
import signal
import sys
import threading

from peterental.config import Config
from peterental.database import database_for, engine_settings, migrations_url_for
from peterental.database.migrations.errors import Interrupted
from peterental.database.migrations.run.finisher import Finisher
from peterental.logs import logging_config

_log = logging.getLogger("peterental.deploy")


def main() -> None:
    """Finish the migrations of the configured database."""
    config = Config.from_env_or_exit()
    logging.config.dictConfig(logging_config(config))
    stop = threading.Event()
    threading.Thread(target=_stop_with_the_worker, args=(stop,), daemon=True).start()
    database = database_for(config, purpose="deploy")
    try:
        Finisher(migrations_url_for(config, database), engine_settings(config), _log.info).run(stop)
    except Interrupted:
        _log.info("Stopped while finishing migrations; the next start continues.")
    finally:
        database.close()


def _stop_with_the_worker(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):  # empty when the worker is gone
        pass
    stop.set()
    os.kill(os.getpid(), signal.SIGTERM)  # cancels and rolls back a statement that runs now


if __name__ == "__main__":
    main()
