"""Flask does not inspect our views and hooks for being coroutines, so none may be one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction
from typing import Any

from flask import Flask

from peterental.app import SynchronousFlask


def called_by_flask(app: Flask) -> Iterator[Callable[..., Any]]:
    yield from app.view_functions.values()
    for hooks in (app.before_request_funcs, app.after_request_funcs, app.teardown_request_funcs):
        for functions in hooks.values():
            yield from functions
    for handlers in app.error_handler_spec.values():
        for by_class in handlers.values():
            yield from by_class.values()


def test_no_view_or_hook_is_a_coroutine(app: Flask) -> None:
    assert isinstance(app, SynchronousFlask)
    functions = list(called_by_flask(app))
    assert len(functions) > 50
    assert not [function for function in functions if iscoroutinefunction(function)]
