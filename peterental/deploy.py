"""What happens around serving: the migrations before the first worker forks, and what the log says at the start."""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from peterental import demo
from peterental.config import Config, masked
from peterental.database import Database, database_for, migrations_url_for
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import EngineError
from peterental.errors import Fault
from peterental.plural import counted
from peterental.services import build_services
from peterental.users.setup_link import setup_link

_log = logging.getLogger("peterental.deploy")

_KERNEL_THREADS = Path("/proc/self/task")
_LAST_THREAD_S = 5.0
_LOOK_EVERY_S = 0.001


def migrate_before_start(config: Config) -> None:
    """Bring the schema up to date, once per deploy, in gunicorn's master.

    A failure is logged; then, as MIGRATE_FAILURE says, the process ends or serves with its health gate shut.
    """
    _refuse_taken_port(config)
    gc.freeze()  # what was loaded stays; looking through it for garbage would take longer than what follows
    database = database_for(config, application_name="peterental deploy")
    try:
        if config.migrate_on_start:
            migrate(config, database)
    except (Fault, EngineError) as fault:
        _log.error("❌ %s", fault)  # the message is for people; a traceback would tell them nothing
        if config.migrate_failure == "abort":
            _stop("The migrations failed and MIGRATE_FAILURE=abort: not starting.")
        _log.warning("Starting all the same; /healthz answers 503 until the schema is right (MIGRATE_FAILURE=serve)")
    except KeyboardInterrupt:
        _stop("Stopped while migrating; flask db-status tells how far it came.")
    finally:
        database.close()


def migrate(config: Config, database: Database) -> int:
    """Apply what is pending, telling the log. Gives how many files that were; raises what the runner raises."""
    url = migrations_url_for(config, database)
    _log.debug("Migrating %s", masked(url))
    return MigrationRunner(url, config.migrations_dir, report=_log.info).run_migrations()


def announce_ready(config: Config) -> None:
    """Tell whoever started us where to go: the address, the way in, and, with demo data, a call to try."""
    database = database_for(config, application_name="peterental deploy")
    try:
        services = build_services(database)
        if config.load_demo:
            demo.load_if_empty(services, database)
        _log.info("PeteRental is at %s", config.address)
        if services.users.has_users():
            _log.info("Sign in: %s/login", config.address)
        else:
            _log.info("Make the first account: %s", setup_link(config))
        if config.load_demo:
            _log.info("Play a phone call:\n\n%s\n", demo.curl_line(services, config))
    except Fault as fault:
        _log.warning("%s", fault)
    finally:
        database.close()
        # What is loaded by now stays for life: workers need not look through it again and again for garbage.
        gc.collect()
        gc.freeze()


def before_fork() -> None:
    """Wait until this thread is the only one left, for as long as a connection that is just being made may take.

    A child has no thread but the one that forked it, and whatever another was holding is locked there for good. Python
    counts a thread as ended while OpenSSL still clears up after it, under a lock that every new connection needs.
    """
    patient_until_s = time.monotonic() + _LAST_THREAD_S
    while (others := _threads() - 1) and time.monotonic() < patient_until_s:
        time.sleep(_LOOK_EVERY_S)
    if others:
        _log.warning("A worker is forked beside %s; locks held there stay shut in it", counted(others, "other thread"))


def _threads() -> int:
    """Count this process's threads as the kernel does, where it tells."""
    return len(list(_KERNEL_THREADS.iterdir())) if _KERNEL_THREADS.is_dir() else threading.active_count()


def _refuse_taken_port(config: Config) -> None:
    """End with one sentence where something else listens already, before anything is changed.

    Not when gunicorn hands its own sockets on to us (a re-executed master, or systemd).
    """
    if os.environ.get("GUNICORN_FD") or os.environ.get("LISTEN_FDS"):
        return
    host, _, port = config.bind.rpartition(":")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                _stop(f"Port {port} is taken by another program: stop it, or set PORT to another number.")
            _stop(f"Cannot listen on {config.bind}: {error.strerror}.")


def _stop(reason: str) -> NoReturn:
    sys.exit(f"❌ {reason}")
