"""How forms are parsed: a field without a name is refused, and so is a form with very many fields."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Flask, Request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

MAX_FIELDS = 10_000
"""Of a form that is not multipart, whose parts werkzeug counts. The largest has some for each agent of an office."""

_URL_ENCODED = "application/x-www-form-urlencoded"


class FormParser(FormDataParser):
    """Parses forms, also those that no browser sends.

    Raises BadRequest for a field without a name, which werkzeug stores as None; RequestEntityTooLarge.
    """

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, Any]]:
        """Return what is left of the stream, the fields and the files."""
        if mimetype == _URL_ENCODED:
            body = stream.read()
            if body.count(b"&") >= MAX_FIELDS:
                raise RequestEntityTooLarge
            stream = BytesIO(body)
        rest, fields, files = super().parse(stream, mimetype, content_length, options)
        if None in fields or None in files:
            for same_name in files.listvalues():
                for file in same_name:
                    file.close()
            raise BadRequest
        return rest, fields, files


class PageRequest(Request):
    """A request whose form is parsed by `FormParser`."""

    form_data_parser_class = FormParser


def install(app: Flask) -> None:
    """Make an application parse its forms with `FormParser`."""
    app.request_class = PageRequest
