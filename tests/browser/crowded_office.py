"""An office with thirty agents and two hundred homes, and the longest names that each field takes in practice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.properties.model import PropertyDetails
from peterental.users.tokens.model import NewToken
from peterental.webhooks.model import EndpointEntry
from tests.browser.site import Site

AGENTS = 30
HOMES = 200
NAME_CHARS = 80
HOME_CHARS = 120
ZONES = ("America/Chicago", "America/Denver", "America/Los_Angeles")
NUMBER = "+14055550142"


def long_name(number: int) -> str:
    """Return a person's name of 80 characters, with one word that is longer than a phone is wide."""
    return f"Maria Featherstonehaugh-Echeverria-Hohenlohe-Langenburg {number} de la Concepcion Montgomery"[:NAME_CHARS]


def long_home(number: int) -> str:
    """Return an address of 120 characters."""
    words = "Northwest Martin Luther King Junior Memorial Boulevard Extension, Frontage Road, Building Seventeen, Entrance West"
    return f"{1000 + number} {words}"[:HOME_CHARS]


def fill(site: Site, admin: Viewer, owner: Viewer) -> dict[str, str]:
    """Create the office; return an example of every URL parameter that it has.

    Args:
        site: an empty installation.
        admin: who creates everything.
        owner: the owner of the first three agents.
    """
    services = site.services
    agents = [
        services.agents.create(
            Profile(
                agent_name=long_name(number),
                vapi_assistant_id=f"24464697-0000-4000-8000-{number:012}",
                time_zone=ZONES[number % len(ZONES)],
                language="es" if number % 2 else "en",
                user_id=owner.user_id if number < len(ZONES) else None,
            ),
            admin,
        ).agent_id
        for number in range(AGENTS)
    ]
    for number in range(HOMES):
        services.properties.add(
            PropertyDetails(
                line1=long_home(number),
                city="San Bernardino de los Caballeros",
                said_as=(f"The Grand Residences at Willowbrook Commons {number}",),
                bedrooms=number % 6,
                rent=1000 + 137 * number,
                shown_by=frozenset(agents[: number % 5]),
            ),
            admin,
        )
    _add_viewings(site, agents)
    return {
        "agent_id": agents[0],
        "user_id": str(owner.user_id),
        **_add_time_off(site, admin, agents),
        **_add_tools(site, admin),
    }


def _add_viewings(site: Site, agents: list[str]) -> None:
    """Insert up to three viewings a day of each agent, from the day before yesterday to the next week."""
    noon = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0)
    for number, agent_id in enumerate(agents):
        for days in range(-2, 8):
            for count in range(1 + number % 3):
                start = noon + timedelta(days=days, hours=2 * count)
                site.database.fetch(
                    """
                    INSERT INTO appointments (
                        agent_id, property_address, attendee_name, attendee_phone, attendee_email, start_time, end_time,
                        status, overlap_allowed
                    )
                    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, TRUE)
                    """,
                    (
                        agent_id, long_home(number + days), long_name(days), NUMBER,
                        "maximiliano.featherstonehaugh.the.third@a-real-estate-office.example.com", start,
                        start + timedelta(minutes=30), ("confirmed", "completed", "no_show")[count if days < 0 else 0],
                    ),
                )  # fmt: skip


def _add_time_off(site: Site, admin: Viewer, agents: list[str]) -> dict[str, str]:
    today = datetime.now(UTC).date()
    retreat = ClosureEntry(
        name="Annual retreat and strategic planning of every department in the mountains"[:NAME_CHARS],
        first_day=today + timedelta(days=3),
        last_day=today + timedelta(days=5),
        exempt=frozenset(agents[:4]),
    )
    (closure,) = site.services.closures.add([retreat], admin)
    lunch = RepeatingEntry(weekdays=(1, 3, 5), from_min=720, until_min=780, first_day=today, note=long_name(1))
    block = site.services.repeating_blocks.add(agents[0], lunch, admin)
    return {"closure_id": str(closure.closure_id), "repeating_id": str(block.repeating_id)}


def _add_tools(site: Site, admin: Viewer) -> dict[str, str]:
    token = site.services.api_tokens.create(NewToken(name=long_name(0), lifetime=timedelta(days=365)), admin).token
    entry = EndpointEntry(url=f"https://hooks.invalid/{'x' * 90}", event_types=("viewing.booked", "viewing.moved"))
    endpoint = site.services.webhooks.create(entry, admin).endpoint
    viewing = site.database.fetch("SELECT MAX(id) AS id FROM appointments WHERE start_time > NOW()")[0]
    home = site.database.fetch("SELECT MIN(property_id) AS id FROM properties")[0]
    return {
        "token_id": str(token.token_id),
        "endpoint_id": str(endpoint.endpoint_id),
        "appointment_id": str(viewing["id"]),
        "property_id": str(home["id"]),
    }
