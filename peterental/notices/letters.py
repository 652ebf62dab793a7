"""The letters of viewings: what visitors and agents are sent when one is booked, moved, cancelled, due or missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from peterental.appointments.visitors.model import visitor_uid
from peterental.clock import utc_now
from peterental.notices.model import Invitation, Letter, NoLongerTrue
from peterental.notices.wording.model import WordingKey
from peterental.notices.wording.rendering import clean, render, with_opt_out
from peterental.notices.wording.times import format_span, format_time, moment_fields

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.database.connect import Connection
    from peterental.notices.model import Kind, Language, Notice
    from peterental.notices.viewing_repository import ViewingOfNotice, ViewingRepository, ViewingState
    from peterental.notices.wording.service import WordingService

VISITOR_KINDS: frozenset[Kind] = frozenset(
    {"booked", "moved", "changed", "cancelled", "reminder_day", "reminder_hours", "no_show", "released"}
)
AGENT_KINDS: frozenset[Kind] = frozenset(
    {"agent_booked", "agent_moved", "agent_changed", "agent_reassigned", "agent_cancelled", "agent_released"}
)

CONFIRM = "C"
"""What a visitor replies to confirm. Never CANCEL or STOP: phone companies take these as opting out of all texts."""

EVENT_TITLES: Mapping[Language, str] = {"en": "Viewing", "es": "Visita"}

_UID_HOST = "@visitors.peterental"
_NORTH_AMERICAN_CHARS = 12


class OfficeSettings(Protocol):
    """The settings of the office, of which letters need two."""

    @property
    def office_name(self) -> str:
        """Who writes."""

    @property
    def release_hours(self) -> int | None:
        """How many hours before it starts an unconfirmed viewing is released; None for never."""


class ViewingLetters:
    """Writes the letters of viewings, from their present state.

    Args:
        viewings: reads them.
        wordings: the wordings of the office.
        settings: returns the settings of the office.
        namespace: returns the namespace of this installation.
        visitor_link: returns the address of a visitor's page of a viewing, for one recipient; None where there is none.
        public_url: where agents reach the pages; None leaves the links out.
        now: returns the present moment, aware.
    """

    kinds = VISITOR_KINDS | AGENT_KINDS

    def __init__(
        self,
        viewings: ViewingRepository,
        wordings: WordingService,
        *,
        settings: Callable[[], OfficeSettings],
        namespace: Callable[[], str],
        visitor_link: Callable[[int, str], str | None],
        public_url: str | None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._viewings = viewings
        self._wordings = wordings
        self._settings = settings
        self._namespace = namespace
        self._visitor_link = visitor_link
        self._public_url = public_url
        self._now = now

    def compose(self, notice: Notice) -> Letter:
        """Return the letter of a notice. Raises NoLongerTrue. Four round trips at most."""
        viewing = self._viewings.viewing(notice.appointment_id or 0, notice.recipient, notice.notice_id)
        _require(viewing, notice, self._now())
        assert viewing is not None  # noqa: S101  # _require raises
        settings, namespace = self._settings(), self._namespace()
        fields = self._fields(viewing, notice, settings)
        wording = self._wordings.wording(WordingKey(notice.kind, notice.channel, notice.language))
        subject, body = render(notice.kind, notice.channel, fields, wording)
        is_first = notice.audience == "visitor" and not viewing.was_texted
        if notice.channel == "text" and (is_first or notice.kind == "no_show"):
            body = with_opt_out(body, notice.language)
        return Letter(
            channel=notice.channel,
            recipient=notice.recipient,
            subject=subject,
            body=body,
            message_id=f"notice-{notice.notice_id}.{namespace}{_UID_HOST}",
            invitation=_invitation(viewing, notice, fields, namespace),
            sender_name=settings.office_name,
        )

    def require_true(self, connection: Connection, notice: Notice) -> None:
        """Raise NoLongerTrue if the notice is not true any more. One round trip."""
        _require(self._viewings.state(connection, notice.appointment_id or 0), notice, self._now())

    def _fields(self, viewing: ViewingOfNotice, notice: Notice, settings: OfficeSettings) -> dict[str, str]:
        zone, channel, language = viewing.zone, notice.channel, notice.language
        fields = {
            "visitor": viewing.attendee_name,
            "home": viewing.property_address,
            **moment_fields(viewing.start, zone, language, channel),
            "agent": viewing.agent_name,
            "office": settings.office_name,
            "agent_phone": format_phone(viewing.handover_number),
            "phone": format_phone(viewing.attendee_phone or viewing.caller_number),
            "until": format_time(viewing.end, zone, channel),
            "short_until": format_time(viewing.end, zone, "text"),
            "link": self._link(viewing, notice) or "",
            "confirm": "" if viewing.confirmed_at else CONFIRM,
        }
        if notice.old_start is not None:
            fields |= moment_fields(notice.old_start, zone, language, channel, "old_")
        if notice.kind == "reminder_hours":
            fields["hours"] = format_span(viewing.start - self._now(), language)
        return fields

    def _link(self, viewing: ViewingOfNotice, notice: Notice) -> str | None:
        if notice.audience == "visitor":
            return self._visitor_link(viewing.appointment_id, notice.recipient)
        if notice.kind == "agent_reassigned":  # the page is the new agent's
            return None
        return f"{self._public_url}/appointments/{viewing.appointment_id}" if self._public_url else None


def format_phone(number: str | None) -> str:
    """Return a number as people write it, which phones recognise: `405-555-0123`; others unchanged."""
    if number and number.startswith("+1") and len(number) == _NORTH_AMERICAN_CHARS and number[1:].isdigit():
        return f"{number[2:5]}-{number[5:8]}-{number[8:]}"
    return number or ""


def _require(viewing: ViewingState | None, notice: Notice, now: datetime) -> None:
    """Raise NoLongerTrue unless a viewing is as a notice says."""
    reason = _why_not(viewing, notice, now)
    if reason is not None:
        raise NoLongerTrue(reason=reason)


def _why_not(viewing: ViewingState | None, notice: Notice, now: datetime) -> str | None:  # noqa: PLR0911  # one for each
    """Return why a notice is not true any more, as a clause; None if it is true."""
    kind = notice.kind.removeprefix("agent_")
    if viewing is None:
        return "the viewing was deleted"
    if kind == "no_show":
        return None if viewing.status == "no_show" else "the viewing is not marked as a no-show any more"
    if kind in {"cancelled", "released"}:
        if viewing.status != "cancelled":
            return "the viewing was restored"
    elif viewing.status != "confirmed":
        return "the viewing was cancelled" if viewing.status == "cancelled" else "the viewing is over"
    if viewing.start <= now:
        return "the viewing has begun"
    if viewing.sequence != notice.revision:
        return "the viewing was changed again"
    if notice.audience == "visitor" and notice.recipient not in viewing.contacts:
        return f"the visitor has another {'number' if notice.channel == 'text' else 'address'} now"
    if kind == "released" and viewing.released_at is None:
        return "the viewing was cancelled"
    return None


def _invitation(
    viewing: ViewingOfNotice, notice: Notice, fields: Mapping[str, str], namespace: str
) -> Invitation | None:
    """Return the invitation to a viewing that was booked, changed or cancelled; None in any other letter.

    All letters of a viewing give its event the same title: a calendar shows it for weeks.
    """
    if notice.channel != "email" or notice.kind not in {"booked", "moved", "changed", "cancelled", "released"}:
        return None
    home, name, agent = (clean(field, fields[field], "email") for field in ("home", "visitor", "agent"))
    contact = f"{agent}, {fields['agent_phone']}" if fields["agent_phone"] else agent
    return Invitation(
        uid=visitor_uid(namespace, viewing.appointment_id),
        sequence=viewing.sequence,
        method="REQUEST" if viewing.status == "confirmed" else "CANCEL",
        start=viewing.start,
        end=viewing.end,
        time_zone=viewing.time_zone,
        summary=f"{EVENT_TITLES[notice.language]}: {home}",
        location=home,
        description="\n".join(line for line in (contact, fields["link"]) if line),
        attendee_name=name,
    )
