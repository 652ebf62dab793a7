"""What a call or a message says of a viewing that a person books after it, or the home whose page led to the form.

The address of the form names the call or the message, not the visitor: addresses are logged and stay in the history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.errors import NotFound
from peterental.web.shell.query_params import parse_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.access import Viewer
    from peterental.calls.model import CallRecord
    from peterental.services import Services

TOOL_ARGUMENTS = ("property_address", "attendee_name", "attendee_phone", "attendee_email")
"""The arguments of a tool call that are fields of the form, too."""


def entries_from(
    services: Services, viewer: Viewer, params: Mapping[str, str], homes: Mapping[str, int]
) -> dict[str, str]:
    """Return fields of the booking form; none for a call, message or home that the viewer may not see.

    Args:
        services: of the application.
        viewer: who books.
        params: `call` has the id of a call, `message` the number of a message, `home` that of a home.
        homes: the ids of the homes to choose from, by what the form calls them.
    """
    call_id, message_id = params.get("call", ""), parse_id(params.get("message", ""))
    home_id = parse_id(params.get("home", ""))
    if home_id is not None:
        names = [name for name, number in homes.items() if number == home_id]
        return {"property_address": names[0]} if names else {}
    try:
        if call_id:
            return _of_call(services.calls.record(call_id, viewer))
        if message_id is not None:
            message = services.messages.get(message_id, viewer)
            found = {
                "attendee_name": message.attendee_name,
                "attendee_phone": message.attendee_phone or message.caller_number,
            }
            return {name: value for name, value in found.items() if value}
    except NotFound:
        pass
    return {}


def _of_call(record: CallRecord) -> dict[str, str]:
    """Return what the caller said last of each field, and the number that called unless another was given."""
    found = {"attendee_phone": record.summary.caller_number or ""}
    for call in record.tool_calls:
        found |= {
            name: value.strip()
            for name in TOOL_ARGUMENTS
            if isinstance(value := call.arguments.get(name), str) and value.strip()
        }
    return {name: value for name, value in found.items() if value}
