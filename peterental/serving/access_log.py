"""gunicorn's access log at a fraction of its cost.

gunicorn collects every header and every variable of a request for each line, whatever the format names. Here only what
it names is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

_NAMES = re.compile(r"%\(([^)]*)\)")
_MS = timedelta(milliseconds=1)

_VALUES: Mapping[str, Callable[[Any, Mapping[str, Any], timedelta], object]] = {
    "h": lambda _, environ, __: environ.get("REMOTE_ADDR", "-"),
    "m": lambda _, environ, __: environ.get("REQUEST_METHOD"),
    "U": lambda _, environ, __: environ.get("PATH_INFO"),
    "s": lambda response, _, __: str(response.status).split(None, 1)[0],
    "B": lambda response, _, __: getattr(response, "sent", None),
    "M": lambda _, __, took: took // _MS,
}
"""What our format names, by gunicorn's letters. With any other in it, gunicorn's own way is used."""


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn has no type information
    """gunicorn's logger, with the access log of the module's docstring."""

    def setup(self, cfg: Any) -> None:
        """Read the settings, also when gunicorn reloads them."""
        super().setup(cfg)
        names = set(_NAMES.findall(cfg.access_log_format))
        self._names = tuple(names) if names <= _VALUES.keys() else None

    def atoms(self, resp: Any, req: Any, environ: Mapping[str, Any], request_time: timedelta) -> Mapping[str, object]:
        """Return the values of the format by name."""
        if self._names is None:
            return super().atoms(resp, req, environ, request_time)  # type: ignore[no-any-return]  # as above
        return {name: _VALUES[name](resp, environ, request_time) for name in self._names}
