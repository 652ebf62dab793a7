"""Compare the home that was sent with the one that the caller's own words name. Pure.

A booking is refused for the wrong one of two homes of the office only where the caller named the other one clearly: it
is asked about, and the caller's answer counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from peterental.appointments import own_bookings
from peterental.appointments.home_choice import (
    MOST_QUESTIONS,
    Catalogue,
    Fit,
    HomeChoice,
    fit_of,
    named_home,
    names_of,
    pick_among,
)
from peterental.appointments.model import (
    Appointment,
    BookingRequest,
    BookingUnconfirmed,
    SpokenLine,
    WhichBooking,
    WhichHome,
)
from peterental.appointments.said_home import said_home
from peterental.folding import fold
from peterental.matching import Address, parse_address, said_addresses, without_denied

if TYPE_CHECKING:
    from peterental.properties.model import Property

_LEAST_DIGITS = 3
"""A shorter house number may be a time in other words."""


class OtherHomeSaid(Exception):
    """The caller's words may name another home than the one that was sent: it has to be looked up.

    Args:
        address: as said.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()


def address_to_compare(home: Property, lines: Sequence[SpokenLine], people: Iterable[str]) -> str | None:
    """Return the address that the caller named last, where it is not that of a home; None where it may be.

    Args:
        home: the one that was sent.
        lines: of the conversation, oldest first.
        people: names that the caller may have said.
    """
    words = frozenset(word for name in people for word in fold(name).split())
    said = said_home(lines, _words_in(names_of(home)), words) if lines else None
    if said is None:
        return None
    fits = {fit_of(address, home) for address in said_addresses(said)} - {None}
    is_numbered = said[:1].isdecimal()
    return None if fits - {Fit.NEAR} or (fits and not is_numbered) else said


def agreed_home(
    choice: HomeChoice,
    catalogue: Catalogue,
    lines: Sequence[SpokenLine],
    said: tuple[str, Catalogue] | None,
    is_shown: Callable[[Property], bool],
) -> HomeChoice:
    """Return the home that was sent, or the one that the caller chose after a question. Raise WhichHome to ask.

    Args:
        choice: what was sent.
        catalogue: what was read for it.
        lines: of the conversation, oldest first.
        said: the address that the caller named instead, and what was read for that; None where there is none.
        is_shown: whether the agent, or one of a team, shows a home.
    """
    other = _other_home(said[0], said[1], choice, is_shown) if said else None
    asked = [question.property_ids[0] for question in catalogue.questions if _is_about(choice, question.property_ids)]
    before = catalogue.get(asked[0]) if asked else None
    if (
        choice.home is not None
        and before is not None
        and _is_answered(lines, [_words_in(names_of(home)) for home in (before, choice.home)])
    ):
        wanted, _ = without_denied(lines[-1].text)
        picked = pick_among(wanted, [before, choice.home]) or other
        return choice if picked is None or picked == choice.home else HomeChoice(picked.label, picked)
    if other is None or choice.home is None or asked.count(other.property_id) >= MOST_QUESTIONS:
        return choice
    raise WhichHome(choice.said, (other, choice.home), is_choice=True)


def agreed_viewing(
    viewing: Appointment, viewings: Sequence[Appointment], request: BookingRequest, people: Iterable[str], asked: int
) -> Appointment:
    """Return the viewing to change: the one that was sent, or the one that the caller named after a question.

    Raise WhichBooking where the caller's own words name the home of another of the caller's viewings, and
    BookingUnconfirmed where they name one that is none of these and no home was sent.

    Args:
        viewing: the one that the request is about.
        viewings: all of the caller's.
        request: the lines of the conversation, and whether a name or a home was sent.
        people: names that the caller may have said.
        asked: how often this call asked which viewing is meant.
    """
    has_home = bool(own_bookings.given_home(request))
    lines = () if len(viewings) == 1 and has_home else request.dialogue()
    if not lines:
        return viewing
    words = frozenset(word for name in people for word in fold(name).split())
    chosen = _words_in([parse_address(viewing.home)])
    address = said_home(lines, chosen, words, of_viewing=len(viewings) == 1, changes=True)
    if address is None:
        return viewing
    named = own_bookings.at_home(viewings, address)
    if not named.bookings and not has_home and not asked:
        raise BookingUnconfirmed(viewing)
    if viewing in named.bookings or not named.is_certain or len(named.bookings) != 1:
        return viewing
    (other,) = named.bookings
    if asked and _is_answered(lines, [_words_in([parse_address(each.home)]) for each in (viewing, other)]):
        return other
    if asked >= MOST_QUESTIONS:
        return viewing
    is_proven = has_home or bool(own_bookings.given_name(request))
    raise WhichBooking(tuple(sorted((viewing, other), key=lambda each: each.start)), proven=is_proven)


def _other_home(
    address: str, catalogue: Catalogue, choice: HomeChoice, is_shown: Callable[[Property], bool]
) -> Property | None:
    """Return the home that is offered at an address, unless it is the one that was sent or only its city was said."""
    found = named_home(address, Catalogue(homes=catalogue.homes), is_shown)
    if found is None or found.property_id == choice.property_id or not (found.is_active and is_shown(found)):
        return None
    words = {word for reading in said_addresses(address) for word in reading.name}
    return found if any(not words.isdisjoint(name.name) for name in names_of(found)) else None


def _is_about(choice: HomeChoice, property_ids: Sequence[int]) -> bool:
    """Return whether a question was the one between another home and the one that was sent."""
    return len(property_ids) == 2 and property_ids[1] == choice.property_id  # noqa: PLR2004 - one home or the other


def _is_answered(lines: Sequence[SpokenLine], homes: Iterable[Collection[str]]) -> bool:
    """Return whether the latest line is the caller's answer to a question that named both homes."""
    if not lines or not lines[-1].by_caller:
        return False
    asked = next((line.text for line in reversed(lines) if not line.by_caller), "")
    heard = set(fold(asked.replace(",", " ").replace("?", " ")).split())
    return all(not heard.isdisjoint(words) for words in homes)


def _words_in(names: Iterable[Address]) -> frozenset[str]:
    """Return the words of the streets of addresses, and their house numbers."""
    words: set[str] = set()
    for address in names:
        words.update(address.name)
        if address.number and len(address.number) >= _LEAST_DIGITS:
            words.add(address.number)
    return frozenset(words)
