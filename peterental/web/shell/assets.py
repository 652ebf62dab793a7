"""Style sheet, fonts and icon, served under URLs with a content digest."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, abort, request

from peterental.web.shell.access_control import public
from peterental.web.shell.security_headers import ONE_YEAR_S

ASSETS_DIR = Path(__file__).resolve().parent / "assets"
TYPES = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2"}

URL = re.compile(rb"url\(([\w.-]+)\)")
"""A reference to another asset in the style sheet."""

PACKED = (".css", ".svg")
"""What is compressed: a visitor on a slow phone waits for the style sheet before anything is shown.

Pages are not: the size of a compressed page tells what of its secrets was guessed (BREACH). Fonts are packed already.
"""


def install(app: Flask) -> None:
    """Serve the assets at `/assets/<digest>/<name>`.

    They are read and compressed once; templates get their URLs from `asset(name)`.
    """
    contents = {path.name: path.read_bytes() for path in sorted(ASSETS_DIR.iterdir()) if path.suffix in TYPES}
    addresses = {name: _address(name, content) for name, content in contents.items()}
    for name in [name for name in contents if name.endswith(".css")]:
        contents[name] = URL.sub(lambda found: f"url({addresses[found[1].decode()]})".encode(), contents[name])
        addresses[name] = _address(name, contents[name])
    packed = {name: _compressed(content) for name, content in contents.items() if name.endswith(PACKED)}

    @public
    def serve(digest: str, name: str) -> Response:
        """Return one asset.

        During a rollout a page of one release may ask a process of the other: it gets the present content, uncached.
        """
        if name not in contents:
            abort(404)
        is_packed = name in packed and request.accept_encodings.quality("gzip") > 0
        response = Response(packed[name] if is_packed else contents[name], content_type=TYPES[Path(name).suffix])
        if name in packed:
            response.headers["Vary"] = "Accept-Encoding"
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        if addresses[name] == f"/assets/{digest}/{name}":
            response.headers["Cache-Control"] = f"public, max-age={ONE_YEAR_S}, immutable"
        return response

    serve.is_asset = True  # type: ignore[attr-defined]  # needs no viewer and so runs no query
    app.add_url_rule("/assets/<digest>/<name>", "asset", serve)
    app.jinja_env.globals["asset"] = addresses.__getitem__


@lru_cache(maxsize=8)
def _compressed(content: bytes) -> bytes:
    """Compress an asset once in a process: tests build hundreds of applications."""
    return gzip.compress(content, mtime=0)


def _address(name: str, content: bytes) -> str:
    return f"/assets/{hashlib.sha256(content).hexdigest()[:12]}/{name}"
