"""Write contract.json: the types of the fields of Microsoft Graph that are used here.

They come from the package @microsoft/microsoft-graph-types (MIT licence, Copyright 2015 Microsoft Corporation):

    npm pack @microsoft/microsoft-graph-types@2.43.1
    tar xzf microsoft-microsoft-graph-types-2.43.1.tgz package/microsoft-graph.d.ts
    python tests/calendars/microsoft/make_contract.py package/microsoft-graph.d.ts
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

VERSION = "2.43.1"
TARGET = Path(__file__).with_name("contract.json")

FIELDS = {
    "Calendar": "id name canEdit canShare isDefaultCalendar owner changeKey",
    "DateTimeTimeZone": "dateTime timeZone",
    "EmailAddress": "name address",
    "Event": (
        "id subject body bodyPreview location start end isAllDay isCancelled isOrganizer showAs responseStatus type"
        " seriesMasterId transactionId singleValueExtendedProperties iCalUId changeKey createdDateTime"
        " lastModifiedDateTime originalStartTimeZone originalEndTimeZone isReminderOn reminderMinutesBeforeStart"
        " hasAttachments sensitivity webLink categories"
    ),
    "ItemBody": "content contentType",
    "Location": "displayName",
    "ResponseStatus": "response time",
    "SingleValueLegacyExtendedProperty": "id value",
}
ENUMS = ("BodyType", "EventType", "FreeBusyStatus", "ResponseType", "Sensitivity")


def fields_of(text: str, name: str) -> dict[str, str]:
    """Return the fields of an interface, and of those that it extends, with their types."""
    found = re.search(rf"^export interface {name}(?: extends (\w+))? \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
    assert found, name
    inherited = fields_of(text, found[1]) if found[1] else {}
    own = re.findall(r"^    (\w+)\??: (.+?);$", found[2], re.MULTILINE)
    return inherited | {field: re.sub(r"NullableOption<(.+)>", r"\1 | null", kind) for field, kind in own}


def values_of(text: str, name: str) -> list[str]:
    """Return the values of an enumeration."""
    found = re.search(rf"^export type {name} =(.*?);$", text, re.MULTILINE | re.DOTALL)
    assert found, name
    return re.findall(r'"(\w+)"', found[1])


def contract(text: str) -> dict[str, object]:
    """Return the contract that the type definitions in `text` contain."""
    types = {}
    for name, wanted in FIELDS.items():
        fields = fields_of(text, name)
        types[name] = {field: fields[field] for field in wanted.split()}
    return {
        "source": f"@microsoft/microsoft-graph-types {VERSION}, microsoft-graph.d.ts; written by make_contract.py",
        "licence": "MIT, Copyright 2015 Microsoft Corporation",
        "types": types,
        "enums": {name: values_of(text, name) for name in ENUMS},
    }


if __name__ == "__main__":
    definitions = Path(sys.argv[1]).read_text(encoding="utf-8")
    TARGET.write_text(json.dumps(contract(definitions), indent=2) + "\n", encoding="utf-8")
