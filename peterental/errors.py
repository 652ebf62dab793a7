"""The two kinds of trouble: a Refusal the caller may hear, a Fault the operator must fix.

The first paragraph of an exception class's docstring is its message: `str(error)` is one clear sentence, fit to be
shown as it stands. Named values go in as keyword arguments and are filled into it.
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
    # Every message would be empty: better not to start than to answer a caller or an operator with nothing.
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
    """PeteRental cannot go on until an operator has looked at it."""
