"""Count coverage only where it shows something: on Python 3.11, counting doubles the time of what it runs in."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from coverage import Coverage

from tests.gunicorn import UNCOUNTED


class CountedTests:
    """A plugin that counts coverage in the functions of tests and fixtures, but not in pytest itself.

    It is registered as a plugin because the hooks of a conftest.py are not called for fixtures of the session.
    """

    def __init__(self) -> None:
        self._trace: Any = None  # counts coverage in the running test
        self._nothing_new: set[tuple[str, str]] = set()  # fixtures

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Run property tests and other long ones without counting coverage: other tests cover what they run."""
        function = item.obj if isinstance(item, pytest.Function) else None
        if item.get_closest_marker("untraced") or getattr(function, "is_hypothesis_test", False):
            with uncounted():
                return (yield)
        self._trace = sys.gettrace()
        try:
            with traced_by(None):
                return (yield)
        finally:
            self._trace = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_pyfunc_call(self) -> Generator[None, object, object]:
        """Count coverage in a test's function."""
        with traced_by(self._trace):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """Count coverage in a fixture until it has covered nothing new: then it repeats what it did for other tests.

        The threads and programs that it starts count as before.
        """
        key = (fixturedef.baseid, fixturedef.argname)
        if self._trace is None or key in self._nothing_new:
            with traced_by(None):
                return (yield)
        before = covered()
        with traced_by(self._trace):
            result = yield
        if covered() == before:
            self._nothing_new.add(key)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """Count coverage while fixtures are torn down."""
        with traced_by(self._trace):
            return (yield)


@contextmanager
def traced_by(trace: Any) -> Iterator[None]:
    """Trace this thread by a function, or by none, for the block."""
    around = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(around)


def covered() -> int:
    """Return how many branches this process has counted so far."""
    counting = Coverage.current()
    collector = counting._collector if counting else None
    return sum(map(len, list(collector.data.values()))) if collector else 0


@contextmanager
def uncounted() -> Iterator[None]:
    """Count no coverage in this thread, the threads it starts, the programs it starts, and the forks of this process.

    A fork would start to count again, and save at its end what this process has counted so far.
    """
    trace, trace_of_threads = sys.gettrace(), threading.gettrace()
    variables = {name: os.environ.pop(name) for name in UNCOUNTED if name in os.environ}
    sys.settrace(None)
    threading.settrace(None)
    counting, Coverage._instances = Coverage._instances, []
    for each in counting:
        vars(each)["save"] = bool  # does nothing
    try:
        yield
    finally:
        for each in counting:
            del vars(each)["save"]
        Coverage._instances = counting
        os.environ.update(variables)
        threading.settrace(trace_of_threads)
        sys.settrace(trace)
