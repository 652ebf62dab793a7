"""Deployment hooks of gunicorn: migrate before the first worker forks, fork safely, announce readiness."""

from __future__ import annotations

import errno
import gc
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

from peterental import demo
from peterental.config import PROJECT_DIR, Config
from peterental.database import Database, database_for, engine_settings, migrations_url_for, remark_on_urls
from peterental.database.migrations import MigrationRunner
from peterental.database.migrations.errors import EngineError
from peterental.database_urls import masked
from peterental.errors import Fault
from peterental.plural import counted
from peterental.services import build_services
from peterental.users.setup_link import setup_link

_log = logging.getLogger("peterental.deploy")

_KERNEL_THREADS = Path("/proc/self/task")
_THREADS_TIMEOUT_S = 5.0
_POLL_S = 0.001

_supervisors: list[subprocess.Popen[bytes]] = []
"""Kept, since a collected Popen closes the pipe that the process ends with."""


def migrate_before_start(config: Config) -> None:
    """Apply the pending migrations, once per deploy, in gunicorn's master.

    A failure is logged. Then MIGRATE_FAILURE decides: exit, or serve while /healthz answers 503.
    """
    _refuse_taken_port(config)
    gc.freeze()  # the loaded modules are permanent; collecting garbage among them takes longer than the check below
    database = database_for(config, purpose="deploy")
    try:
        if config.migrate_on_start:
            migrate(config, database)
    except (Fault, EngineError) as fault:
        _log.error("❌ %s", fault)  # the message is complete; a traceback would add nothing
        if config.migrate_failure == "abort":
            _stop("The migrations failed and MIGRATE_FAILURE=abort: not starting.")
        _log.warning("Starting anyway; /healthz answers 503 until the schema is right (MIGRATE_FAILURE=serve)")
    except KeyboardInterrupt:
        _stop("Stopped while migrating; flask db-status shows what was applied.")
    finally:
        database.close()


def migrate(config: Config, database: Database) -> int:
    """Apply the pending migrations, log progress, and return their number; raise what the runner raises."""
    url = migrations_url_for(config, database)
    _log.debug("Migrating %s", masked(url))
    remark = remark_on_urls(config)
    if remark:
        _log.warning("%s", remark)
    return MigrationRunner(url, settings=engine_settings(config), report=_log.info).run_migrations()


def announce_ready(config: Config) -> None:
    """Log the address, how to sign in, and, with demo data, a phone call to try."""
    database = database_for(config, purpose="deploy")
    try:
        services = build_services(database)
        if config.load_demo:
            demo.load_if_empty(services, database)
        _log.info("PeteRental is running at %s", config.address)
        _log.info("Client addresses are taken from X-Forwarded-For of: %s", config.trusted_proxies)
        if config.is_production and config.public_url is None:
            _log.warning(
                "Set PUBLIC_URL to the public address: links start with %s, which only this machine reaches",
                config.address,
            )
        if services.users.is_set_up():
            _log.info("Sign in: %s/login", config.address)
        else:
            _log.info("Create the first account: %s", setup_link(config))
        if config.load_demo:
            _log.info("Try a phone call:\n\n%s\n", demo.curl_line(services, config))
    except Fault as fault:
        _log.warning("%s", fault)
    finally:
        database.close()
        # Everything loaded by now is permanent: exclude it from the garbage collections of the workers.
        gc.collect()
        gc.freeze()


def start_jobs(config: Config) -> None:
    """Start the process that keeps a worker of background jobs running, unless JOBS=0.

    A process of its own: a fork of the master would share its sockets, and a thread would hinder its forks. It ends
    with the master and the workers, which hold the other end of its standard input. It never touches the health check.
    """
    if config.jobs:
        command = [sys.executable, "-m", "peterental.supervise_jobs"]
        _supervisors.append(subprocess.Popen(command, stdin=subprocess.PIPE, cwd=PROJECT_DIR))  # noqa: S603  # our own


def before_fork() -> None:
    """Wait until this is the only thread, at most as long as opening a connection may take.

    Only the forking thread exists in the child, and a lock that another one held stays locked there forever. Python
    counts a thread as ended while OpenSSL still cleans up after it, under a lock that every new connection needs.
    """
    deadline_s = time.monotonic() + _THREADS_TIMEOUT_S
    while (others := _threads() - 1) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    if others:
        _log.warning(
            "A worker is forked while %s may hold locks, which would stay locked in it", counted(others, "other thread")
        )


def _threads() -> int:
    """Return the number of threads: the kernel's count where /proc has it, else Python's."""
    return len(list(_KERNEL_THREADS.iterdir())) if _KERNEL_THREADS.is_dir() else threading.active_count()


def _refuse_taken_port(config: Config) -> None:
    """Exit with one message if the port is taken, before anything is changed.

    Skipped when the sockets are inherited (a re-executed gunicorn master, or systemd).
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
