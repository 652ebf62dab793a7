"""The iCalendar part of a message (iMIP, RFC 6047), in the shape that Gmail and Outlook show as an invitation. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

import icalendar
from icalendar.prop import vCalAddress, vText

from peterental.calendars.icalendar_data.writer import PRODUCT
from peterental.mail_settings import MailSender
from peterental.notices.mail.plain_text import lines, one_line
from peterental.notices.model import Invitation


def invitation_to_icalendar(invitation: Invitation, *, organizer: MailSender, attendee: str, now: datetime) -> bytes:
    """Return an invitation or its cancellation as a VCALENDAR.

    Times are in UTC, so that no VTIMEZONE is needed: calendars show them on their owner's clock.

    Args:
        invitation: to what.
        organizer: who invites. Answers are sent to this address.
        attendee: the visitor's e-mail address.
        now: when it is written, aware. Of two parts with the same sequence the later one counts.
    """
    event = icalendar.Event()
    event.add("uid", vText(one_line(invitation.uid)))
    event.add("dtstamp", now.astimezone(UTC))
    event.add("sequence", invitation.sequence)
    event.add("dtstart", invitation.start.astimezone(UTC))
    event.add("dtend", invitation.end.astimezone(UTC))
    event.add("summary", vText(one_line(invitation.summary)))
    event.add("location", vText(one_line(invitation.location)))
    event.add("description", vText(lines(invitation.description).rstrip()))
    event.add("organizer", _address(organizer.address, organizer.name))
    event.add("attendee", _attendee(attendee, invitation))
    event.add("status", "CANCELLED" if invitation.method == "CANCEL" else "CONFIRMED")
    event.add("transp", "OPAQUE")
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", invitation.method)
    calendar.add_component(event)
    text: bytes = calendar.to_ical()
    return text


def _attendee(address: str, invitation: Invitation) -> vCalAddress:
    attendee = _address(address, invitation.attendee_name)
    parameters = {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION"}
    if invitation.method == "REQUEST":
        parameters["RSVP"] = "TRUE"
    attendee.params.update(parameters)
    return attendee


def _address(address: str, name: str) -> vCalAddress:
    found = vCalAddress(f"mailto:{address}")
    common_name = one_line(name).replace('"', "'")  # a parameter's value cannot contain a double quote
    if common_name:
        found.params["CN"] = common_name
    return found
