"""The two kinds of errors: a Refusal, which the caller may hear, and a Fault, which an operator must fix.

The first paragraph of an exception class's docstring is its message: `str(error)` is one clear sentence that can be
shown to people. Its `{placeholders}` are filled from the keyword arguments.
"""

from __future__ import annotations

import inspect


class PeteRentalError(Exception):
    """Something went wrong in PeteRental."""

    def __init__(self, **values: object) -> None:
        self.values = values
        first_paragraph = inspect.cleandoc(type(self).__doc__ or "").partition("\n\n")[0]
        super().__init__(" ".join(first_paragraph.split()).format_map(values))


if PeteRentalError.__doc__ is None:
    # Every message would be empty, for callers and operators alike: do not start.
    raise SystemExit(
        "❌ PeteRental cannot run under python -OO, which strips the docstrings that its messages are made of:"
        " use python -O, or unset PYTHONOPTIMIZE."
    )


class Refusal(PeteRentalError):
    """That cannot be done."""


class NotFound(Refusal):
    """There is no such page."""


class Forbidden(Refusal):
    """Access denied."""


class Fault(PeteRentalError):
    """PeteRental needs the attention of an operator."""
