"""When the next attempt of a job starts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from procrastinate.retry import BaseRetryStrategy, RetryDecision

from peterental.worker.task import Interrupted

if TYPE_CHECKING:
    from procrastinate.jobs import Job

FIRST_WAIT_S = 10
MAX_WAIT_S = 3600
JITTER = 0.2
"""The part of a wait that is random, so that jobs which failed together do not return together."""


@dataclass(frozen=True)
class Backoff(BaseRetryStrategy):
    """Waits that double from ten seconds up to an hour, until the attempts are used up.

    Args:
        max_attempts: how often a job is tried.
    """

    max_attempts: int

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to try again; None if this was the last attempt. An interrupted job starts again at once."""
        if isinstance(exception, Interrupted):
            return RetryDecision(retry_in={"seconds": 0})
        if job.attempts + 1 >= self.max_attempts:
            return None
        return RetryDecision(retry_in={"seconds": round(wait_s(job.attempts) * random.uniform(1 - JITTER, 1 + JITTER))})  # noqa: S311 - no secret


def wait_s(attempts: int) -> float:
    """Return how long to wait after so many attempts and one more, in seconds, without jitter."""
    return min(FIRST_WAIT_S * 2.0 ** min(attempts, 30), MAX_WAIT_S)
