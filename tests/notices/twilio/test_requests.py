"""What Twilio sends: signed, forged, repeated, in any order; and a whole exchange with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from peterental.access import Viewer
from peterental.agents.model import Profile
from peterental.app import create_app
from peterental.appointments.model import PHONE, Appointment
from peterental.appointments.repository import AppointmentRepository
from peterental.clock import utc_now
from peterental.config import Config, ConfigError
from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from peterental.notices.texts import twilio
from peterental.services import Services, services_of
from tests.notices.twilio_server import (
    ACCOUNT,
    OFFICE,
    PUBLIC_URL,
    SHARED_KEY,
    VISITOR,
    TwilioServer,
    incoming,
    signed,
)
from tests.servers import HANG_S, close_for_good

ADMIN = Viewer(user_id=0, email="office@example.com", is_admin=True)
EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

Form = dict[str, str]


@pytest.fixture
def server() -> Iterator[TwilioServer]:
    """Start a Twilio."""
    with TwilioServer(now=utc_now) as started:
        yield started


@pytest.fixture
def make_app(database_url: str, server: TwilioServer, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """A function that builds the application with an account at Twilio, and changed settings."""
    apps: list[Flask] = []

    def make(**changes: Any) -> Flask:
        settings = {"database_url": database_url, "secret_key": ACCOUNT, "instance_dir": tmp_path}
        app = create_app(server.config(**(settings | changes)))
        apps.append(app)
        return app

    yield make
    for app in apps:
        close_for_good(app.extensions["peterental.database"])


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application."""
    return make_app()


@pytest.fixture
def services(app: Flask) -> Services:
    """The application's services, whose notices go to the Twilio."""
    built = services_of(app)
    built.agents.create(Profile(agent_name="Ana", time_zone="America/Chicago"), ADMIN, "ana")
    built.notice_channels.record(built.notice_sender.transports)
    return built


def post(app: Flask, path: str, form: Form, headers: Form | None = None, **more: Any) -> TestResponse:
    """Send a form, signed by Twilio unless headers are given."""
    sent = signed(path, form) if headers is None else headers
    return app.test_client().post(path, data=form, headers=sent, **more)


def book(database: Database) -> int:
    """Book a viewing by phone in two days."""
    start = (utc_now() + timedelta(days=2)).replace(microsecond=0)
    appointment = Appointment(
        appointment_id=0, start=start, end=start + timedelta(minutes=30), property_address="12 Elm Street",
        attendee_name="Dolores Whitcomb", agent_id="ana", agent_name="Ana", time_zone="America/Chicago",
        status="confirmed", attendee_phone=VISITOR, created_at=utc_now(),
    )  # fmt: skip
    with database.transaction() as connection:
        booked = AppointmentRepository(database).insert(connection, appointment, appointment.end, "", PHONE)
    return booked.appointment_id


def work(database: Database, services: Services) -> None:
    """Do the jobs that send notices."""
    for row in database.fetch("DELETE FROM procrastinate_jobs WHERE task_name = 'send_notices' RETURNING args"):
        if "appointment_id" in row["args"]:
            services.notice_sender.send_of_appointment(row["args"]["appointment_id"])
        else:
            services.notice_sender.send(row["args"]["notice_id"])


def states(database: Database) -> list[tuple[str, str]]:
    rows = database.fetch("SELECT kind, state FROM notices ORDER BY notice_id")
    return [(row["kind"], row["state"]) for row in rows]


def contents(database: Database) -> list[Any]:
    """Return everything that a request could have written."""
    return [
        database.fetch(f"SELECT COUNT(*) AS number FROM {table}")
        for table in ("text_replies", "contact_consents", "notices", "notice_events", "messages", "appointment_events")
    ]


# --- signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/twilio/sms", "/twilio/status"])
@pytest.mark.parametrize(
    "forgery", ["none", "another key", "another body", "another path", "rubbish", "one more field"]
)
def test_a_forged_request_writes_nothing(
    app: Flask, services: Services, database: Database, path: str, forgery: str
) -> None:
    book(database)
    work(database, services)
    before = contents(database)
    form = incoming("STOP", MessageStatus="failed", ErrorCode="21610")
    headers = {
        "none": {},
        "another key": signed(path, form, secret="guessed"),
        "another body": signed(path, form | {"Body": "Hello"}),
        "another path": signed("/twilio/other", form),
        "rubbish": {"X-Twilio-Signature": "****"},
        "one more field": signed(path, form),
    }[forgery]
    sent = form | {"From": "+14055550199"} if forgery == "one more field" else form
    response = post(app, path, sent, headers)
    assert (response.status_code, response.text) == (403, "Twilio did not sign this request.\n")
    assert contents(database) == before


def test_without_an_account_every_request_is_refused(make_app: Callable[..., Flask]) -> None:
    app = make_app(twilio_account_sid=None, twilio_auth_token=None, twilio_from=None)
    form = incoming("C")
    for secret in ("", "None"):
        assert post(app, "/twilio/sms", form, signed("/twilio/sms", form, secret=secret)).status_code == 403


@pytest.mark.usefixtures("services")
def test_a_shared_key_signs_with_sha256(make_app: Callable[..., Flask]) -> None:
    form = incoming("Hello?")
    headers = signed("/twilio/sms", form, secret=SHARED_KEY, algorithm="sha256")
    assert post(make_app(), "/twilio/sms", form, headers).status_code == 403
    assert post(make_app(twilio_shared_key=SHARED_KEY), "/twilio/sms", form, headers).status_code == 200


@pytest.mark.usefixtures("services")
def test_the_signature_is_of_the_public_address(app: Flask) -> None:
    """Behind a proxy the request comes by plain HTTP to another host."""
    form = incoming("Hello?", Body="Grüße & ¿qué? + 100%")
    response = post(app, "/twilio/sms", form, base_url="http://10.0.0.7:8000")
    assert response.status_code == 200
    path = "/twilio/sms?office=norman%20ok"
    assert app.test_client().post(path, data=form, headers=signed(path, form)).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"Body=" + b"x" * 70_000,
        "&".join(f"p{number}=1" for number in range(300)).encode(),
        b"Body=\xff\xfe",
        b"",
        b"{}",
    ],
)
def test_a_body_that_is_no_form_is_refused(app: Flask, database: Database, body: bytes) -> None:
    response = app.test_client().post("/twilio/sms", data=body, headers=signed("/twilio/sms", {}, secret="guessed"))
    assert response.status_code == 403
    assert database.fetch("SELECT provider_id FROM text_replies") == []


def test_only_posts_are_taken(app: Flask) -> None:
    assert app.test_client().get("/twilio/sms").status_code == 405
    assert app.test_client().get("/twilio/status").status_code == 405


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("services")
def test_a_text_is_stored_and_answered_with_empty_twiml(app: Flask, database: Database) -> None:
    response = post(app, "/twilio/sms", incoming("Hello? 🎉", NumMedia="1"))
    assert (response.status_code, response.text, response.mimetype) == (200, EMPTY, "text/xml")
    (row,) = database.fetch("SELECT sender, receiver, body FROM text_replies")
    assert row == {"sender": VISITOR, "receiver": OFFICE, "body": "Hello? 🎉"}
    assert "Set-Cookie" not in response.headers


@pytest.mark.usefixtures("services")
def test_what_twilio_took_a_text_for_counts(app: Flask, database: Database) -> None:
    post(app, "/twilio/sms", incoming("Adios", OptOutType="STOP"))
    post(app, "/twilio/sms", incoming("Hola", sid="SM" + "b" * 32, OptOutType="SOMETHING-NEW"))
    rows = database.fetch("SELECT body, understood_as, answer IS NULL AS is_silent FROM text_replies ORDER BY body")
    assert [tuple(row.values()) for row in rows] == [("Adios", "stop", True), ("Hola", "courtesy", True)]


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("sender", ["72345", "TWILIO", "whatsapp:+14055550123", "", "+1405555012x"])
def test_what_is_no_phone_is_ignored(app: Flask, database: Database, sender: str) -> None:
    response = post(app, "/twilio/sms", incoming("STOP", sender=sender))
    assert (response.status_code, response.text) == (200, EMPTY)
    assert database.fetch("SELECT provider_id FROM text_replies") == []


@pytest.mark.parametrize("path", ["/twilio/sms", "/twilio/status"])
def test_a_request_without_an_id_is_refused(app: Flask, path: str) -> None:
    form = {"From": VISITOR, "Body": "C", "MessageStatus": "sent"}
    assert post(app, path, form).status_code == 400
    assert post(app, path, form | {"MessageSid": "S" * 65}).status_code == 400


def test_without_the_database_twilio_is_asked_to_try_again(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: object) -> None:
        raise DatabaseUnavailable(reason="it restarts")

    monkeypatch.setattr(services.replies, "receive", fail)
    response = post(app, "/twilio/sms", incoming("C"))
    assert (response.status_code, response.headers["Retry-After"]) == (503, "30")
    assert "it restarts" in caplog.text
    assert VISITOR not in caplog.text


# --- reports ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (("queued", "sending", "sent", "delivered"), "delivered"),
        (("delivered", "sent", "queued"), "delivered"),
        (("sent", "sent", "delivered", "delivered", "sent"), "delivered"),
        (("queued", "sent"), "sent"),
        (("sent", "undelivered"), "failed"),
        (("failed", "sent", "queued"), "failed"),
    ],
)
def test_reports_come_in_any_order(
    app: Flask, services: Services, database: Database, server: TwilioServer, statuses: tuple[str, ...], *, state: str
) -> None:
    book(database)
    work(database, services)
    (taken,) = server.texts
    assert taken.status_callback == f"{PUBLIC_URL}/twilio/status"
    for form in server.reports(taken.sid, *statuses):
        assert post(app, "/twilio/status", form).status_code == 204
    assert states(database) == [("booked", state)]


def test_a_report_says_why_a_text_failed(
    app: Flask, services: Services, database: Database, server: TwilioServer
) -> None:
    book(database)
    work(database, services)
    for form in server.reports(server.texts[0].sid, "undelivered", error_code=30006):
        post(app, "/twilio/status", form)
    (row,) = database.fetch("SELECT state, reason FROM notices")
    assert row["state"] == "failed"
    assert "the number is a landline, or its network takes no texts (Twilio error 30006)" in row["reason"]


def test_a_report_of_an_opt_out_is_a_stop(
    app: Flask, services: Services, database: Database, server: TwilioServer
) -> None:
    book(database)
    work(database, services)
    for form in server.reports(server.texts[0].sid, "failed", error_code=21610):
        post(app, "/twilio/status", form)
    (consent,) = [found for found in services.consents.for_person(VISITOR) if found.purpose == "all"]
    assert consent.how_revoked == "at the provider"


ODD = [
    "",
    "\x00",
    "a\x00b",
    "\u202ex",
    "\ufffd",
    "9" * 5_000,
    "x" * 20_000,
    "+1 405",
    "\U0001f600" * 700,
    "'; --",
    "%s{0}",
]


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_nonsense_that_is_signed_is_answered(app: Flask, odd: str, database: Database) -> None:
    """Whatever a field has in it, Twilio gets an answer, and another text is taken after it."""
    texts, reports = (
        incoming("Hello"),
        {"MessageSid": "SM1", "MessageStatus": "failed", "ErrorCode": "21610", "To": VISITOR},
    )
    for path, form in (("/twilio/sms", texts), ("/twilio/status", reports)):
        for name in form:
            answer = post(app, path, form | {"MessageSid": f"SM{name}"} | {name: odd})
            assert answer.status_code in {200, 204, 400}, (path, name)
    assert post(app, "/twilio/sms", incoming("Hello") | {"MessageSid": "SMlast"}).status_code == 200
    assert database.fetch("SELECT body FROM text_replies WHERE provider_id = 'SMlast'") == [{"body": "Hello"}]


@pytest.mark.usefixtures("services")
def test_a_report_on_an_unknown_text_is_harmless(app: Flask, database: Database) -> None:
    form = {"MessageSid": "SM" + "9" * 32, "MessageStatus": "delivered", "ErrorCode": "none"}
    assert post(app, "/twilio/status", form).status_code == 204
    assert states(database) == []


# --- a whole exchange ------------------------------------------------------------------------------------------------


def test_a_viewing_is_told_confirmed_and_answered(
    app: Flask, services: Services, database: Database, server: TwilioServer
) -> None:
    appointment_id = book(database)
    work(database, services)
    (booked,) = server.bodies()
    assert "Viewing booked: 12 Elm Street" in booked
    assert f"{PUBLIC_URL}/v/" in booked
    form = incoming("C")
    for _ in range(3):
        assert post(app, "/twilio/sms", form).text == EMPTY
    work(database, services)
    assert len(server.bodies()) == 2
    assert "You are expected: 12 Elm Street" in server.bodies()[-1]
    assert services.visitors.show(appointment_id).is_confirmed
    post(app, "/twilio/sms", incoming("Stop please", sid="SM" + "b" * 32))
    work(database, services)
    assert "no more texts" in server.bodies()[-1]
    services.visitors.cancel(appointment_id)
    work(database, services)
    assert len(server.bodies()) == 3
    assert states(database)[-1] == ("cancelled", "suppressed")


def test_a_text_that_twilio_took_in_silence_is_sent_once(
    services: Services, database: Database, server: TwilioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "FIND_TIMEOUT_S", HANG_S)
    server.troubles = ["drop after"]
    book(database)
    work(database, services)
    assert states(database) == [("booked", "unknown")]
    database.fetch("UPDATE notices SET handed_over_at = handed_over_at - INTERVAL '4 minutes'")
    server.texts = [replace(taken, created_at=taken.created_at - timedelta(minutes=4)) for taken in server.texts]
    services.notice_sender.look_up()
    work(database, services)
    assert states(database) == [("booked", "sent")]
    assert len(server.texts) == 1


def test_settings_of_twilio_belong_together() -> None:
    sid = {"TWILIO_ACCOUNT_SID": "AC1"}
    with pytest.raises(ConfigError, match="TWILIO_ACCOUNT_SID needs TWILIO_AUTH_TOKEN and TWILIO_FROM to be set"):
        Config.from_env(sid)
    with pytest.raises(ConfigError, match="TWILIO_FROM must be a number such as"):
        Config.from_env(sid | {"TWILIO_AUTH_TOKEN": "x", "TWILIO_FROM": "405 555 0100"})
    config = Config.from_env(sid | {"TWILIO_AUTH_TOKEN": "hush", "TWILIO_FROM": OFFICE})
    assert config.texts_by_twilio
    assert "hush" not in repr(config)
    assert not Config().texts_by_twilio
