"""gunicorn's settings and hooks; the logic is in peterental.config and peterental.deploy."""

import select
from pathlib import Path
from typing import Any

from peterental import deploy
from peterental.config import Config
from peterental.logs import logging_config

settings = Config.from_env_or_exit()

bind = settings.bind
workers = settings.web_concurrency
# Slow clients cannot stop it; see docs/decisions/021-slow-clients.md. macOS has no epoll.
worker_class = "peterental.serving.worker.EpollWorker" if hasattr(select, "epoll") else "gthread"
threads = settings.web_threads
preload_app = True  # a dead worker is replaced in milliseconds; no connection is open across a fork
timeout = 60
graceful_timeout = 30
keepalive = 75  # longer than the 60 s for which load balancers keep idle connections
control_socket_disable = True  # its path in the home directory is shared by every gunicorn of the user
logconfig_dict = logging_config(settings)
logger_class = "peterental.serving.access_log.AccessLogger"
accesslog = "-"
forwarded_allow_ips = ""  # TRUSTED_PROXIES decides whose X-Forwarded-* headers count
access_log_format = '%(h)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms'
if Path("/dev/shm").is_dir():  # noqa: S108  # shared memory: a worker's heartbeat never waits for a disk
    worker_tmp_dir = "/dev/shm"  # noqa: S108  # see above


def on_starting(_server: Any) -> None:
    deploy.migrate_before_start(settings)


def pre_fork(_server: Any, _worker: Any) -> None:
    deploy.before_fork()


def when_ready(_server: Any) -> None:
    deploy.start_jobs(settings)
    deploy.announce_ready(settings)
