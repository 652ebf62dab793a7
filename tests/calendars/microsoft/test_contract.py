"""The contract and the stand-in are checked themselves: what is wrong must be noticed."""

from __future__ import annotations

from typing import Any

import pytest

from peterental.calendars.microsoft.graph import Graph
from tests.calendars.microsoft import make_contract
from tests.calendars.microsoft.contract import ENUMS, TYPES, ContractBroken, check
from tests.calendars.microsoft.fake import FakeGraph
from tests.calendars.microsoft.office import account, hours, read, signed_in, viewing

DEFINITIONS = """
export type BodyType = "text" | "html";
export type EventType =
    | "singleInstance"
    | "occurrence";
export interface Entity {
    // The unique identifier.
    id?: string;
}
export interface Outlook extends Entity {
    categories?: NullableOption<string[]>;
}
export interface Event extends Outlook {
    /**
     * A comment: with a colon;
     */
    body?: NullableOption<ItemBody>;
    type?: NullableOption<EventType>;
}
"""


def test_types_are_read_from_definitions() -> None:
    assert make_contract.fields_of(DEFINITIONS, "Event") == {
        "id": "string",
        "categories": "string[] | null",
        "body": "ItemBody | null",
        "type": "EventType | null",
    }
    assert make_contract.values_of(DEFINITIONS, "BodyType") == ["text", "html"]
    assert make_contract.values_of(DEFINITIONS, "EventType") == ["singleInstance", "occurrence"]


def test_contract_has_the_types_that_the_script_writes() -> None:
    assert {name: " ".join(fields) for name, fields in TYPES.items()} == make_contract.FIELDS
    assert tuple(ENUMS) == make_contract.ENUMS


@pytest.mark.parametrize(
    "content",
    [
        {"subjekt": "Lunch"},
        {"subject": 7},
        {"isAllDay": "true"},
        {"reminderMinutesBeforeStart": True},
        {"showAs": "Busy"},
        {"id": None},
        {"categories": "Red"},
        {"categories": [1]},
        {"body": {"contentType": "html5"}},
        {"body": "text"},
        {"start": {"dateTime": "2026-12-03 14:00", "timeZone": "UTC"}},
        {"singleValueExtendedProperties": [{"id": "x", "value": 7}]},
        [],
    ],
)
def test_what_differs_from_the_contract_is_noticed(content: Any) -> None:
    with pytest.raises(ContractBroken):
        check("Event", content)


def test_request_that_breaks_the_contract_is_noticed() -> None:
    with FakeGraph(clock_s=1_796_000_000) as fake:
        graph = Graph(signed_in(fake), fake.url)
        events = graph.url("calendars", fake.mailbox.default, "events")
        answers = [
            graph.send("POST", events, {"subjekt": "Viewing"}),
            graph.send("POST", events, {"bodyPreview": "read-only"}),
            graph.send("GET", graph.url("calendars", query={"$select": "nome"})),
            graph.send("GET", graph.url("mailFolders")),
            signed_in(fake).request("GET", graph.url("calendars")),
        ]
        assert [answer.status for answer in answers] == [500] * 5
        assert len(fake.problems) == 5


def test_answer_that_breaks_the_contract_is_noticed() -> None:
    with FakeGraph(clock_s=1_796_000_000) as fake:
        fake.mailbox.add(*hours(3, 9), showAs="Busy")
        with pytest.raises(Exception, match="Microsoft 365"):
            read(fake)
        assert len(fake.problems) == 1


def test_every_address_is_below_the_version(fake: FakeGraph) -> None:
    account(fake).write(fake.mailbox.default, viewing())
    account(fake).calendars()
    read(fake)
    assert all(each.split()[1].startswith("/v1.0/me/") for each in fake.graph_requests)
