"""The cursor of a reading: where the next one continues."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

MOST_ETAGS = 2_000
"""How many ETags a cursor holds. A larger calendar, on a server without sync-collection, is read whole every time."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """What is kept between two readings of a calendar.

    Args:
        addresses: the e-mail addresses of the calendar's owner, as the server knows them.
        token: of sync-collection; None if the server has none.
        ctag: changes with everything in the calendar, where the server has such a thing.
        etags: of the resources in the window, by path; empty with a token.
    """

    addresses: tuple[str, ...]
    token: str | None = None
    ctag: str | None = None
    etags: Mapping[str, str | None]

    def text(self) -> str | None:
        """Return it as text; None if it would be too large."""
        return None if len(self.etags) > MOST_ETAGS else json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | None) -> Cursor | None:
        """Parse a cursor; None if it is not one of this release, which leads to a whole reading."""
        try:
            fields = json.loads(text or "")
            return cls(
                addresses=tuple(str(address) for address in fields["addresses"]),
                token=fields["token"],
                ctag=fields["ctag"],
                etags=dict(fields["etags"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
