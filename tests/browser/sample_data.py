"""Sample data for browser tests and screenshots.

It has every status, long names, other scripts and failed attempts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyotp

from peterental import demo
from peterental.access import Viewer
from peterental.agents.model import Profile, Window
from peterental.agents.time_off.expansion import days_of
from peterental.agents.time_off.model import ClosureEntry, RepeatingEntry
from peterental.agents.working_hours.model import BusyBlockRequest, DateOverride
from peterental.clock import utc_now
from peterental.properties.model import PropertyDetails
from peterental.users.tokens.model import NewToken
from peterental.webhooks.model import EndpointEntry
from tests.browser.site import WORDS, Site
from tests.gunicorn import PROJECT_DIR

OFFICE = "office@example.com"
ANA = "ana@example.com"
CAROL = "carol@example.com"
"""A user with a second factor."""
RECOVERY_CODES: list[str] = []
"""Carol's unused recovery codes."""
ASSISTANT = "0f7a2d1c-2a75-4a39-9c0b-2d7c7f3f0a11"
REDUCED_CALL = "reduced-call-1"
LONG = "Dana " + "Weissenburger-Hohenlohe " * 8
PAYLOADS = PROJECT_DIR / "tests" / "voice" / "payloads"


@dataclass(frozen=True)
class SampleData:
    """The users of the sample data, and an example of every URL parameter."""

    admin: Viewer
    ana: Viewer
    carol: Viewer
    examples: dict[str, str]
    """An example value by the name of a URL parameter."""


def fill(site: Site) -> SampleData:
    """Create the sample data."""
    users, agents = site.services.users, site.services.agents
    admin = users.create(OFFICE, WORDS, "admin", "Olga Office")
    ana = users.create(ANA, WORDS, "agent", "Ana Lima")
    carol = users.create(CAROL, WORDS, "agent", "Carol Diaz")
    RECOVERY_CODES[:] = turn_on_second_factor(site, carol)
    demo.load_if_empty(site.services, site.database)
    agents.create(
        Profile(agent_name="Ana Lima", vapi_assistant_id=ASSISTANT, buffer_minutes=15, user_id=ana.user_id), admin
    )
    agents.create(Profile(agent_name="Ben Okafor", time_zone="America/Los_Angeles", user_id=ana.user_id), admin)
    agents.create(Profile(agent_name=LONG.strip()), admin)
    agents.create(Profile(agent_name="עמית כהן 🏠"), admin, agent_id="amit")
    agents.set_active("amit", admin, active=False)
    _add_users(site, admin)
    for name in ("end-of-call-report-2025-artifact-analysis", "end-of-call-report-2024-message-level"):
        report = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
        assert site.gunicorn.call(report["message"])[0] == 200
    _add_viewings(site)
    _add_today(site)
    _add_working_hours(site, admin)
    _add_failures(site)
    _add_reduced_call(site)
    _add_calendars(site)
    _add_notices(site)
    import_id = _add_homes(site, admin)
    return SampleData(
        admin=admin, ana=ana, carol=carol, examples={**_examples(site, admin), "import_id": str(import_id)}
    )


def turn_on_second_factor(site: Site, viewer: Viewer) -> tuple[str, ...]:
    """Turn a user's second factor on; return the recovery codes."""
    factors = site.services.second_factor
    setup = factors.propose(viewer)
    code = pyotp.TOTP(setup.secret).at(int(utc_now().timestamp()))
    return factors.turn_on(viewer, setup.token, WORDS, code)


def _add_homes(site: Site, admin: Viewer) -> int:
    """Add an imported list, a home with long names and a retired one, and an upload; return the upload's number."""
    properties, imports = site.services.properties, site.services.property_imports
    _import(site, "Id,Street,Rent\n" + "".join(f"{at},{at} Fir St,{at}00\n" for at in range(1, 9)), admin)
    long = PropertyDetails(
        line1="1 " + "Llanfairpwllgwyngyllgogerychwyrndrobwll " * 4,
        unit="2B",
        said_as=(LONG[:80],),
        windows=((1, Window(540, 720)), (1, Window(780, 1020))),
        shown_by=frozenset({"ana-lima", "ben-okafor", "nora-castillo"}),
    )
    properties.add(long, admin)
    properties.retire(properties.add(PropertyDetails(line1="7 Retired Road"), admin), admin)
    import_id = imports.upload(
        "AppFolio",
        f"{'long-' * 20}homes.csv",
        b"Id,Street,Rent\n1,1 Fir St,150\n2,2 Fir St,call\n11,11 Fir St,\n",
        admin,
    )
    imports.choose_columns(import_id, [("Id", "source_id"), ("Street", "line1"), ("Rent", "rent")], admin)
    site.database.fetch(
        """
        UPDATE appointments
        SET property_id = (SELECT property_id FROM properties WHERE line1 = '1420 Elm Street')
        WHERE property_address LIKE '%%Elm%%'
        """
    )
    return import_id


def _import(site: Site, text: str, admin: Viewer) -> None:
    imports = site.services.property_imports
    import_id = imports.upload("AppFolio", "homes.csv", text.encode(), admin)
    imports.choose_columns(import_id, [("Id", "source_id"), ("Street", "line1"), ("Rent", "rent")], admin)
    imports.confirm(import_id, imports.preview(import_id, admin).plan.digest, admin)


def _add_users(site: Site, admin: Viewer) -> None:
    user_admin = site.services.user_admin
    user_admin.invite("ben.okafor@example.com", "agent", admin, "Ben Okafor")
    gone = user_admin.invite("gone@example.com", "admin", admin, "מיכל לוי 🏠")
    user_admin.deactivate(gone.user_id, admin)
    user_admin.invite(f"{'long.name.' * 20}@example.com", "agent", admin, LONG)


def _add_viewings(site: Site) -> None:
    """Insert viewings of every status around today, some with unusual names."""
    noon = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0)
    for days, agent, home, visitor, status in (
        (1, "ana-lima", "1200 Lake Shore Drive, Apt 14B", "Maria Gonzalez", "confirmed"),
        (1, "ben-okafor", "12 Elm Street", "מיכל לוי", "confirmed"),
        (2, "ana-lima", "88b King Street", "<b>Tom</b>", "cancelled"),
        (3, "ben-okafor", "1 " + "Llanfairpwllgwyngyllgogerychwyrndrobwll " * 5, "V" + "e" * 190 + "ry", "confirmed"),
        (9, "ana-lima", "Sunny loft on Main", "Li Wei 🏡", "confirmed"),
        (-1, "ana-lima", "7 Oak Avenue", "Priya Natarajan", "completed"),
        (-2, "ben-okafor", "455 W Belmont Ave, Unit 3", "Tom Becker", "no_show"),
    ):
        start = noon + timedelta(days=days)
        site.database.fetch(
            """
            INSERT INTO appointments
                (agent_id, property_address, attendee_name, start_time, end_time, status, caller_number, vapi_call_id)
            VALUES (%s, %s, %s, %s, %s, %s, '+13125550100', 'call-1')
            """,
            (agent, home, visitor, start, start + timedelta(minutes=30), status),
        )


def _add_today(site: Site) -> None:
    """Insert a viewing of Ana's that is over, without an outcome, and one that comes soon."""
    now = utc_now().replace(second=0, microsecond=0)
    for hours, home, visitor in ((-2, "5 Ash Street", "Grace Park"), (1, "9 Birch Lane, Apt 2", "Jon Smith")):
        start = now + timedelta(hours=hours)
        site.database.fetch(
            """
            INSERT INTO appointments
                (agent_id, property_address, attendee_name, start_time, end_time, attendee_phone, overlap_allowed)
            VALUES ('ana-lima', %s, %s, %s, %s, '+13125550177', TRUE)
            """,
            (home, visitor, start, start + timedelta(minutes=30)),
        )


def _add_working_hours(site: Site, admin: Viewer) -> None:
    """Add a day off and blocked time for Ana; the next days stay free."""
    day = datetime.now(UTC).date() + timedelta(days=8)
    site.services.hours.add_override("ana-lima", DateOverride(day, (), "Day off 🎈"), admin)
    request = BusyBlockRequest(
        first_day=day, last_day=day + timedelta(days=1), from_min=600, until_min=660, note="<Dentist>"
    )
    site.services.hours.add_busy_block("ana-lima", request, admin)
    noon = datetime.now(UTC).date() + timedelta(days=9)
    party = ClosureEntry(
        name="Office party 🎈 " + "Llanfair" * 8, first_day=noon, last_day=noon, exempt=frozenset({"amit"})
    )
    site.services.closures.add([party], admin)
    lunch = RepeatingEntry(
        weekdays=(1, 3, 5), from_min=720, until_min=780, first_day=day, every_weeks=2, note="<Lunch> " + "x" * 90
    )
    block = site.services.repeating_blocks.add("ana-lima", lunch, admin)
    skipped = next(days_of(block, day, day + timedelta(days=7)))
    site.services.repeating_blocks.skip(block.repeating_id, skipped, admin)
    site.database.fetch(
        "INSERT INTO agent_busy (agent_id, during, source, note) VALUES ('ana-lima', tstzrange(NOW(), NOW() + '3 h'), %s, %s)",
        ("Google Calendar", "פגישה"),
    )


def _add_calendars(site: Site) -> None:
    """Add calendars of Ben's that cannot be read, with every kind of busy time, and events that a person changed.

    Nothing is asked of a provider before `retry_at`.
    """
    rows = site.database.fetch(
        """
        INSERT INTO calendar_accounts
            (agent_id, kind, name, credentials, state, problem, failed_since, failures, retry_at, connected_by)
        VALUES
            ('ben-okafor', 'google', 'ben@example.com', 'x', 'reauth_required',
             'Google no longer accepts the sign-in. Connect the calendar again.', NOW() - INTERVAL '2 h', 9, NOW() + INTERVAL '1 day',
             'ana@example.com'),
            ('ben-okafor', 'caldav', %s, 'x', 'reauth_required', NULL, NULL, 0, NOW() + INTERVAL '1 day', NULL),
            ('ben-okafor', 'ics', 'calendar.example.com', 'x', 'connected',
             'calendar.example.com cannot be reached: no answer within 60 seconds.', NOW(), 1, NOW() + INTERVAL '1 day', NULL)
        RETURNING account_id
        """,
        ["long.name." * 12 + "@example.com"],
    )
    google, caldav, address = (row["account_id"] for row in rows)
    notes = ["The event “<b>Standup</b>” has a time zone that is not known, “Mars/Base”, so it blocks generously."] * 12
    calendars = site.database.fetch(
        """
        INSERT INTO calendars
            (account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings, read_at, read_whole_at, notes)
        VALUES (%(google)s, 'ben-okafor', 'a', 'Ben', TRUE, TRUE, TRUE, NOW() - INTERVAL '2 h', NOW() - INTERVAL '9 h', %(notes)s),
               (%(google)s, 'ben-okafor', 'b', %(long)s, TRUE, FALSE, FALSE, NULL, NULL, '{}'),
               (%(caldav)s, 'ben-okafor', 'c', 'פגישות', TRUE, TRUE, FALSE, NULL, NULL, '{}'),
               (%(address)s, 'ben-okafor', 'd', 'calendar.example.com', FALSE, TRUE, FALSE, NOW(), NOW(), '{}')
        RETURNING calendar_id
        """,
        {"google": google, "caldav": caldav, "address": address, "notes": notes, "long": LONG},
    )
    site.database.fetch(
        """
        INSERT INTO agent_busy (agent_id, during, source, calendar_id, event_key, kind, note)
        SELECT 'ben-okafor', tstzrange(starts, starts + INTERVAL '50 min'), 'Ben (Google Calendar ben@example.com)', %s, kind, kind,
               note
        FROM (VALUES (1, 'busy', NULL), (2, 'tentative', 'Lunch <i>'), (3, 'out_of_office', NULL), (26, 'busy', 'Dentist'))
            AS events (hours, kind, note)
        CROSS JOIN LATERAL (SELECT date_trunc('hour', NOW()) + hours * INTERVAL '1 h' AS starts) AS begin
        """,
        [calendars[0]["calendar_id"]],
    )
    site.database.fetch(
        """
        INSERT INTO calendar_viewings
            (appointment_id, calendar_id, written_version, event_id, remote_change, remote_start, remote_end)
        SELECT id, %s, 1, 'event', CASE WHEN attendee_name = 'מיכל לוי' THEN 'moved' ELSE 'deleted' END,
               start_time + INTERVAL '3 h', end_time + INTERVAL '3 h'
        FROM appointments WHERE agent_id = 'ben-okafor' AND status = 'confirmed'
        ON CONFLICT DO NOTHING
        """,
        [calendars[0]["calendar_id"]],
    )


def _add_reduced_call(site: Site) -> None:
    site.say(ASSISTANT, REDUCED_CALL, "set_appointment", start_time="tomorrow at 3", property_address="12 Elm Street")
    site.database.fetch(
        "UPDATE calls SET created_at = NOW() - INTERVAL '91 days' WHERE vapi_call_id = %s", [REDUCED_CALL]
    )
    assert site.services.retention.reduce(90).calls == 1


def _add_failures(site: Site) -> None:
    """Add a message in another script, and failed attempts at a migration."""
    message = "האם מותר להביא חתול? 🐈 " + "long " * 300
    site.say(ASSISTANT, "call-2", "take_message", message=message, attendee_name="מיכל לוי")
    site.database.fetch("UPDATE messages SET done_at = now(), done_by = %s WHERE attendee_name LIKE 'Dev%%'", [OFFICE])
    error = (
        "canceling statement due to lock timeout\n  at 030_add_terms.sql:5:1\n  5 | ALTER TABLE " + "appointments " * 20
    )
    for outcome, error_text in (("failed", error), ("running", None)):
        site.database.fetch(
            """
            INSERT INTO schema_migration_attempts (version, file, outcome, error, worst_wait_ms, applied_by)
            VALUES (30, '030_add_terms.sql', %s, %s, 1004, 'render@srv (0f17659a)')
            """,
            [outcome, error_text],
        )


def link_token(site: Site, attendee_name: str) -> str:
    """Return the token in the link of a visitor."""
    query = "SELECT id, COALESCE(attendee_phone, caller_number, '') AS phone FROM appointments WHERE attendee_name = %s"
    row = site.database.fetch(query, [attendee_name])[0]
    return site.services.visitor_links.token(row["id"], row["phone"])


def _add_notices(site: Site) -> None:
    """Insert notices in every state, some with long or hostile values. Texts are on, e-mail is off."""
    site.database.fetch(
        "INSERT INTO notice_channels (channel, sender, is_real) VALUES ('text', '+14055550100', TRUE)"
        " ON CONFLICT DO NOTHING"
    )
    appointment_id = site.database.fetch("SELECT id FROM appointments WHERE attendee_name = 'Maria Gonzalez'")[0]["id"]
    for number, (state, channel, recipient, reason) in enumerate(
        (
            ("sent", "text", "+14055550142", None),
            ("suppressed", "text", "+14055550142", "The recipient said stop."),
            ("failed", "email", f"{'long.' * 40}@example.com", "The server refused: " + "x" * 300),
            ("unknown", "text", "+14055550143", "<b>No answer came</b>"),
            ("delivered", "text", "+442071234567", None),
            ("waiting", "email", "ana@example.com", None),
        )
    ):
        site.database.fetch(
            """
            INSERT INTO notices (
                appointment_id, agent_id, kind, channel, audience, recipient, revision, state, reason, subject, body,
                ended_at, expires_at
            )
            SELECT id, agent_id, 'booked', %s, 'visitor', %s, %s, %s::text, %s, 'Viewing <booked>', %s,
                   CASE WHEN %s::text <> 'waiting' THEN NOW() END, NOW() + INTERVAL '1 day'
            FROM appointments WHERE id = %s
            """,
            (channel, recipient, number, state, reason, f"Hello,\n\n{'w' * 400}", state, appointment_id),
        )


def _add_waitlist(site: Site) -> int:
    """Insert callers who wait, one of them with a time that is held; return the entry of that one."""
    start = datetime.now(UTC).replace(hour=17, minute=0, second=0, microsecond=0) + timedelta(days=4)
    rows = site.database.fetch(
        """
        INSERT INTO waitlist (
            agent_id, attendee_name, phone, property_address, wanted, state, offers, offered_start, offered_end,
            offer_expires_at
        )
        SELECT 'nora-castillo', name, phone, home, tstzmultirange(tstzrange(%(start)s, %(start)s + wanted)), state, 1,
               %(start)s, %(start)s + INTERVAL '30 minutes', NOW() + INTERVAL '1 day'
        FROM (VALUES
            ('Mia Chen', '+14055550123', '12 Elm Street', INTERVAL '1 day', 'offered'),
            ('V' || repeat('e', 190) || 'ry', '+14055550124', '1 Llanfairpwllgwyngyll', INTERVAL '1 minute', 'waiting')
        ) AS entry (name, phone, home, wanted, state)
        RETURNING entry_id, state
        """,
        {"start": start},
    )
    return int(next(row["entry_id"] for row in rows if row["state"] == "offered"))


def _add_tools(site: Site, admin: Viewer) -> dict[str, str]:
    """Add API tokens, and webhooks with deliveries that succeeded, wait and failed; return their ids."""
    tokens, webhooks = site.services.api_tokens, site.services.webhooks
    token = tokens.create(NewToken(name="Spreadsheet sync", scope="book", lifetime=timedelta(days=90)), admin).token
    tokens.revoke(tokens.create(NewToken(name=LONG.strip()[:80]), admin).token.token_id, admin)
    entry = EndpointEntry(url=f"https://hooks.invalid/{'x' * 200}", event_types=("viewing.restored",))
    numbers = [webhooks.create(entry, admin).endpoint.endpoint_id for _ in range(2)]
    for number in numbers:
        site.database.fetch(
            """
            INSERT INTO webhook_deliveries (
                endpoint_id, event_type, happened_at, next_attempt_at, state, attempts, status, problem, answer,
                duration_ms, ended_at
            )
            VALUES
                (%(number)s, 'viewing.booked', NOW(), NOW() + INTERVAL '1 day', 'waiting', 2, NULL, 'No answer within 15 seconds.', NULL, 15000, NULL),
                (%(number)s, 'webhook.test', NOW(), NOW(), 'delivered', 1, 204, NULL, NULL, 80, NOW()),
                (%(number)s, 'viewing.no_show', NOW(), NOW(), 'failed', 12, 500, 'It answered 500.', '<h1>Oops</h1>', 90, NOW())
            """,
            {"number": number},
        )
    site.database.fetch("UPDATE webhook_endpoints SET failing_since = NOW() WHERE endpoint_id = %s", (numbers[0],))
    site.database.fetch(
        "UPDATE webhook_endpoints SET is_active = FALSE, off_reason = 'It answered 410 (Gone).' WHERE endpoint_id = %s",
        (numbers[1],),
    )
    return {"token_id": str(token.token_id), "endpoint_id": str(numbers[0]), "off_endpoint_id": str(numbers[1])}


def _examples(site: Site, admin: Viewer) -> dict[str, str]:
    """Return an example value of every URL parameter."""
    queries = {
        "appointment_id": "SELECT id FROM appointments WHERE attendee_name = 'Maria Gonzalez'",
        "vapi_call_id": """
            SELECT vapi_call_id
            FROM calls JOIN tool_calls USING (vapi_call_id)
            GROUP BY vapi_call_id, summary
            ORDER BY summary IS NULL, COUNT(*) DESC, vapi_call_id
            LIMIT 1
        """,
        "message_id": "SELECT message_id FROM messages ORDER BY message_id DESC LIMIT 1",
        "account_id": """
            SELECT account_id FROM calendar_accounts WHERE agent_id = 'nora-castillo' ORDER BY account_id LIMIT 1
        """,
        "notice_id": "SELECT notice_id FROM notices WHERE state = 'failed' ORDER BY notice_id DESC LIMIT 1",
        "property_id": "SELECT property_id FROM properties WHERE line1 = '1420 Elm Street'",
        "closure_id": "SELECT closure_id FROM office_closures WHERE name LIKE 'Office party%%'",
        "repeating_id": "SELECT repeating_id FROM repeating_blocks LIMIT 1",
        "user_id": "SELECT user_id FROM users WHERE email = 'ana@example.com'",
    }
    found = {name: site.database.fetch(query)[0] for name, query in queries.items()}
    return {
        "agent_id": "nora-castillo",
        **_add_tools(site, admin),
        "kind": "booked",
        "channel": "text",
        "language": "en",
        "token": link_token(site, "Maria Gonzalez"),
        "offer_token": site.services.offer_links.token(_add_waitlist(site)),
        **{name: str(next(iter(row.values()))) for name, row in found.items()},
    }
