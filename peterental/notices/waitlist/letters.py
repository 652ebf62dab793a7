"""The texts that offer a time to a caller on the waitlist."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.notices.letters import CONFIRM
from peterental.notices.model import Letter, NoLongerTrue
from peterental.notices.waitlist.repository import WaitlistRepository
from peterental.notices.wording.model import WordingKey
from peterental.notices.wording.rendering import render, with_opt_out
from peterental.notices.wording.times import moment_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.model import Kind, Notice, NoticeSettings
    from peterental.notices.waitlist.model import Entry
    from peterental.notices.wording.service import WordingService


class OfferLetters:
    """Writes offers, from the entries of the waitlist.

    Args:
        database: where the waitlist is.
        wordings: the wordings of the office.
        settings: returns the settings of the office.
        link: returns the address of the page of an entry.
        now: returns the present moment, aware.
    """

    kinds: frozenset[Kind] = frozenset({"waitlist_offer"})

    def __init__(
        self,
        database: Database,
        wordings: WordingService,
        *,
        settings: Callable[[], NoticeSettings],
        link: Callable[[int], str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._waitlist = WaitlistRepository(database)
        self._wordings = wordings
        self._settings = settings
        self._link = link
        self._now = now

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue."""
        entry = self._require_offer(self._waitlist.show(_entry_id(notice)), notice)
        assert entry.offered_start is not None  # noqa: S101  # tells mypy; an offer is whole
        office = self._settings().office_name
        fields = {
            "visitor": entry.attendee_name,
            "home": entry.home,
            **moment_fields(entry.offered_start, entry.zone, notice.language, notice.channel),
            "agent": entry.agent_name,
            "office": office,
            "confirm": CONFIRM,
            "link": self._link(entry.entry_id),
        }
        wording = self._wordings.wording(WordingKey(notice.kind, notice.channel, notice.language))
        _, body = render(notice.kind, notice.channel, fields, wording)
        body = with_opt_out(body, notice.language) if entry.offers == 1 else body
        return Letter(channel=notice.channel, recipient=notice.recipient, body=body, sender_name=office)

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if the time is not held for the caller any more, or the home not shown. One round trip."""
        self._require_offer(self._waitlist.get(connection, _entry_id(notice)), notice)

    def _require_offer(self, entry: Entry | None, notice: Notice) -> Entry:
        if entry is None or entry.about != notice.about or not entry.is_held(self._now()):
            raise NoLongerTrue(reason="the time is not held for the caller any more")
        if entry.home_problem is not None:
            raise NoLongerTrue(reason="the agent does not show the home any more")
        return entry


def _entry_id(notice: Notice) -> int:
    return int(notice.about.split(":")[1])
