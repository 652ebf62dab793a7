"""The secret address of a feed on the page of an agent's calendars."""

from __future__ import annotations

import re

from peterental.database.pool import Database
from tests.web.conftest import Browser

FEED = re.compile(r'value="(http[^"]+)(/feeds/[\w-]{43}\.ics)"')


def test_address_is_made_shown_replaced_and_ended(office: Browser, database: Database) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('feed-agent', 'Fay')")
    page = "/agents/feed-agent/calendars"
    assert FEED.search(office.get(page).text) is None
    paths = []
    for _ in range(2):
        office.send(f"{page}/feed", at=page)
        found = FEED.search(office.get(page).text)
        assert found is not None
        paths.append(found[2])
    assert paths[0] != paths[1]
    assert [office.get(path).status_code for path in paths] == [404, 200]
    assert "Last fetched" in office.get(page).text
    office.send(f"{page}/feed/end", at=page)
    assert FEED.search(office.get(page).text) is None
    assert office.get(paths[1]).status_code == 404


def test_address_of_a_lost_key_is_said_to_be_lost(office: Browser, database: Database) -> None:
    database.fetch("INSERT INTO agents (agent_id, agent_name) VALUES ('feed-agent', 'Fay')")
    database.fetch("INSERT INTO agent_feeds (agent_id, token_hash, token) VALUES ('feed-agent', '\\x00', 'lost')")
    assert "The address cannot be shown any more" in office.get("/agents/feed-agent/calendars").text
