"""The links by which callers reach what is offered to them. Pure."""

from __future__ import annotations

from typing import ClassVar

from peterental.appointments.visitors.links import VisitorLinks


class OfferLinks(VisitorLinks):
    """Makes and reads the links of entries of the waitlist, as those of viewings are made; the ids are the entries'."""

    context: ClassVar[bytes] = b"peterental: link of an offer\n"
    path: ClassVar[str] = "/v/offer"
