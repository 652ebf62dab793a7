"""The built-in wordings in English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from peterental.notices.model import Channel, Kind
from peterental.notices.wording.model import Wording

_WHERE_AND_WHEN = """\
Home: {home}
When: {day} at {time}
With: {agent}[, {agent_phone}]
"""

_CHANGE = """[
To confirm, move or cancel the viewing:
{link}
]"""

_AGENT_FACTS = """\
Home: {home}
When: {day} at {time}
[Visitor: {visitor}
][Phone: {phone}
][
{link}
]"""

WORDINGS: Mapping[tuple[Kind, Channel], Wording] = MappingProxyType(
    {
        # --- visitors ------------------------------------------------------------------------------------------------
        ("booked", "text"): Wording("{office}: Viewing booked: {home}, {day} at {time}.[ Change: {link}]"),
        ("booked", "email"): Wording(
            f"Hello[ {{visitor}}],\n\nYour viewing is booked.\n\n{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Booked: {day} at {time}, viewing of {home}",
        ),
        ("moved", "text"): Wording(
            "{office}: Viewing moved: {home}, now {day} at {time}, with {agent}.[ Change: {link}]"
        ),
        ("moved", "email"): Wording(
            "Hello[ {visitor}],\n\nYour viewing has a new time.\n\n"
            f"{_WHERE_AND_WHEN}[Before: {{old_day}} at {{old_time}}\n]{_CHANGE}\n{{office}}",
            "Moved to {day} at {time}: viewing of {home}",
        ),
        ("changed", "text"): Wording(
            "{office}: Viewing changed: {home}, {day} at {time}, with {agent}.[ Change: {link}]"
        ),
        ("changed", "email"): Wording(
            "Hello[ {visitor}],\n\nSomething about your viewing has changed. This is how it is now.\n\n"
            f"{_WHERE_AND_WHEN}Until: {{until}}\n{_CHANGE}\n{{office}}",
            "Changed: {day} at {time}, viewing of {home}",
        ),
        ("cancelled", "text"): Wording(
            "{office}: Your viewing of {home} on {day} at {time} is cancelled.[ Questions? Call {agent_phone}.]"
        ),
        ("cancelled", "email"): Wording(
            "Hello[ {visitor}],\n\nThis viewing is cancelled, so you do not need to come.\n\n"
            f"{_WHERE_AND_WHEN}\n{{office}}",
            "Cancelled: {day} at {time}, viewing of {home}",
        ),
        ("reminder_day", "text"): Wording(
            "{office}: Reminder: {home}, {day} at {time}.[ Reply {confirm} to confirm.][ Change: {link}]"
        ),
        ("reminder_day", "email"): Wording(
            "Hello[ {visitor}],\n\nA reminder of your viewing. Please tell us that you are coming, or choose another"
            f" time.\n\n{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Viewing {day} at {time}: {home}",
        ),
        ("reminder_hours", "text"): Wording(
            "{office}: {agent} will meet you at {home}, {day} at {time}.[ Change: {link}]"
        ),
        ("reminder_hours", "email"): Wording(
            "Hello[ {visitor}],\n\n{agent} will meet you soon[: in about {hours}].\n\n"
            f"{_WHERE_AND_WHEN}{_CHANGE}\n{{office}}",
            "Your viewing at {time}: {home}",
        ),
        ("no_show", "text"): Wording(
            "{office}: Sorry we missed you at {home} on {day}.[ To choose another time, call {agent_phone}.]"
        ),
        ("no_show", "email"): Wording(
            "Hello[ {visitor}],\n\nWe are sorry that we missed you at {home} on {day} at {time}.\n\n"
            "[If you still want to see the home, call {agent_phone} to choose another time.\n\n]{office}",
            "Sorry we missed you on {day}: {home}",
        ),
        ("released", "text"): Wording(
            "{office}: Not confirmed, so released: {home}, {day} at {time}.[ Keep it (30 min): {link}]"
        ),
        ("released", "email"): Wording(
            "Hello[ {visitor}],\n\nYour viewing was not confirmed, so its time was released to others.\n\n"
            f"{_WHERE_AND_WHEN}[\nTo keep it, open this page within 30 minutes:\n{{link}}\n]\n{{office}}",
            "Released: {day} at {time}, viewing of {home}",
        ),
        ("waitlist_offer", "text"): Wording(
            "{office}: Free now: {home}, {day} at {time}.[ Reply {confirm} to take it.][ Held 15 min: {link}]"
        ),
        ("waitlist_offer", "email"): Wording(
            "Hello[ {visitor}],\n\nA time that you asked for is free. It is held for you for 15 minutes.\n\n"
            f"{_WHERE_AND_WHEN}[\nTo take it:\n{{link}}\n]\n{{office}}",
            "Free now: {day} at {time}, {home}",
        ),
        # --- agents --------------------------------------------------------------------------------------------------
        ("agent_booked", "text"): Wording(
            "New viewing: {home}, {day} at {time}.[ {visitor}.][ Phone: {phone}.][ {link}]"
        ),
        ("agent_booked", "email"): Wording(
            f"Hello {{agent}},\n\nA viewing was booked.\n\n{_AGENT_FACTS}\n{{office}}",
            "New viewing {day} at {time}: {home}",
        ),
        ("agent_moved", "text"): Wording(
            "Viewing moved: {home}, now {day} at {time}.[ Before: {old_day} at {old_time}.][ {visitor}.][ {link}]"
        ),
        ("agent_moved", "email"): Wording(
            "Hello {agent},\n\nA viewing was moved.[ It was on {old_day} at {old_time}.]\n\n"
            f"{_AGENT_FACTS}\n{{office}}",
            "Moved to {day} at {time}: {home}",
        ),
        ("agent_changed", "text"): Wording(
            "Viewing changed: {home}, {day} at {time}, until {until}.[ {visitor}.][ {link}]"
        ),
        ("agent_changed", "email"): Wording(
            f"Hello {{agent}},\n\nThe home or the length of a viewing was changed.\n\n{_AGENT_FACTS}\n{{office}}",
            "Changed: {day} at {time}, until {until}, {home}",
        ),
        ("agent_reassigned", "text"): Wording("Viewing now with {agent}: {home}, {day} at {time}.[ {visitor}.]"),
        ("agent_reassigned", "email"): Wording(
            f"Hello,\n\nA viewing of yours is with {{agent}} now. Its time is free.\n\n{_AGENT_FACTS}\n{{office}}",
            "Reassigned: {day} at {time}, now with {agent}, {home}",
        ),
        ("agent_cancelled", "text"): Wording(
            "Viewing cancelled: {home}, {day} at {time}.[ {visitor}.][ Phone: {phone}.][ {link}]"
        ),
        ("agent_cancelled", "email"): Wording(
            f"Hello {{agent}},\n\nA viewing was cancelled. Its time is free.\n\n{_AGENT_FACTS}\n{{office}}",
            "Cancelled: {day} at {time}, {home}",
        ),
        ("agent_released", "text"): Wording(
            "Viewing released, not confirmed: {home}, {day} at {time}.[ {visitor}.][ Phone: {phone}.][ {link}]"
        ),
        ("agent_released", "email"): Wording(
            "Hello {agent},\n\nThe visitor did not confirm this viewing, so its time was released. The visitor has 30"
            f" minutes to take it back.\n\n{_AGENT_FACTS}\n{{office}}",
            "Released: {day} at {time}, {home}",
        ),
        ("agent_urgent_message", "text"): Wording("Urgent message[ from {visitor}][, {phone}]: {message}[ {link}]"),
        ("agent_urgent_message", "email"): Wording(
            "Hello {agent},\n\nA caller left an urgent message on {day} at {time}.\n\n{message}\n\n"
            "[From: {visitor}\n][Phone: {phone}\n][\n{link}\n]\n{office}",
            "Urgent message[ from {visitor}]",
        ),
        ("agent_flagged_call", "text"): Wording(
            "Check a call of {day} at {time}[ with {visitor}][, {phone}]: {message}[ {link}]"
        ),
        ("agent_flagged_call", "email"): Wording(
            "Hello {agent},\n\nPlease check a call of {day} at {time}.\n\n{message}\n\n"
            "[Caller: {visitor}\n][Phone: {phone}\n][\n{link}\n]\n{office}",
            "Check a call[ with {visitor}]: {day} at {time}",
        ),
        ("agent_calendar_trouble", "text"): Wording("Your calendar cannot be read: {message}[ {link}]"),
        ("agent_calendar_trouble", "email"): Wording(
            "Hello {agent},\n\nYour calendar cannot be read.\n\n{message}\n\n[{link}\n\n]{office}",
            "Your calendar cannot be read",
        ),
        ("agent_morning_list", "text"): Wording("{day}:\n{message}[\n{link}]"),
        ("agent_morning_list", "email"): Wording(
            "Good morning {agent},\n\n{day}:\n\n{message}\n\n[{link}\n\n]{office}",
            "Your viewings: {day}",
        ),
    }
)
