"""How many threads may wait for calendars or Vapi because of users' pages, so that phone calls have the others.

A provider may take fifteen seconds to answer, or not answer at all, and a person who reloads such a page holds one more
thread each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Flask, current_app, g

from peterental.config import Config
from peterental.errors import Refusal

EXTENSION = "peterental.provider_places"

P = ParamSpec("P")
T = TypeVar("T")


class ProvidersBusy(Refusal):
    """Other pages are waiting for calendars or Vapi to answer. Wait a few seconds, then try again."""


def install(app: Flask, config: Config) -> None:
    """Let `Config.waiting_pages` threads of an application wait for providers because of users' pages."""
    app.extensions[EXTENSION] = threading.BoundedSemaphore(config.waiting_pages)


@contextmanager
def provider_place() -> Iterator[None]:
    """Hold one of the places, once for each request. Raises ProvidersBusy at once if all are taken."""
    if g.get("has_provider_place"):
        yield
        return
    places: threading.BoundedSemaphore = current_app.extensions[EXTENSION]
    if not places.acquire(blocking=False):
        raise ProvidersBusy
    g.has_provider_place = True
    try:
        yield
    finally:
        g.has_provider_place = False
        places.release()


def waits_for_provider(view: Callable[P, T]) -> Callable[P, T]:
    """Return a view that holds a place while it runs."""

    @wraps(view)
    def held(*args: P.args, **kwargs: P.kwargs) -> T:
        with provider_place():
            return view(*args, **kwargs)

    return held
