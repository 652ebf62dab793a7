"""The links by which callers reach what is offered to them. Pure."""

from __future__ import annotations

import hmac

from peterental.appointments.visitors.links import SignedLinks, id_in


class OfferLinks(SignedLinks):
    """Makes and reads the links of entries of the waitlist, each of which is sent to the number of its entry."""

    context = b"peterental: link of an offer\n"
    path = "/v/offer"

    def token(self, entry_id: int) -> str:
        """Return the token of an entry: TOKEN_CHARS characters that are safe in a URL."""
        return self.signed(entry_id)

    def url(self, entry_id: int) -> str:
        """Return the link of an entry."""
        return self.url_of(self.token(entry_id))

    def entry_of(self, token: str) -> int | None:
        """Return the id in a token; None if we did not sign it."""
        entry_id = id_in(token)
        return entry_id if entry_id is not None and hmac.compare_digest(self.token(entry_id), token) else None
