"""`flask vapi-diff` compares lines in a shell, and reports by its exit code."""

from __future__ import annotations

from tests.commands import flask
from tests.line.office import ANA, SESSION_WORDS, Office
from tests.line.vapi_server import KEY, PUBLIC_URL, SECRET


def vapi_diff(office: Office, database_url: str, *arguments: str, key: str = KEY) -> tuple[int, str, str]:
    done = flask(
        "vapi-diff",
        *arguments,
        DATABASE_URL=database_url,
        SECRET_KEY=SESSION_WORDS,
        PUBLIC_URL=PUBLIC_URL,
        VAPI_WEBHOOK_SECRET=SECRET,
        VAPI_API_KEY=key,
        VAPI_URL=office.vapi.url,
    )
    return done.returncode, done.stdout, done.stderr


def test_diff_shows_what_differs_and_writes_nothing(office: Office, database_url: str) -> None:
    office.set_up(phone_number_id=office.vapi.add_number())
    assert vapi_diff(office, database_url) == (0, "ana-lima: as set up\n", "")
    written = office.vapi.written()
    office.vapi.edit(
        office.assistant["id"], server={"url": "https://old.example.com", "headers": {"x-vapi-secret": "s"}}
    )
    code, shown, _ = vapi_diff(office, database_url, ANA)
    assert (code, shown.splitlines()[:4]) == (
        1,
        [
            "ana-lima: differs",
            "  Server URL",
            "    - https://old.example.com",
            "    + https://rent.example.com/vapi/webhook",
        ],
    )
    assert SECRET not in shown
    office.vapi.numbers.clear()
    code, shown, _ = vapi_diff(office, database_url)
    assert (code, "Vapi has no phone number with the id" in shown) == (1, True)
    assert office.vapi.written() == written


def test_diff_explains_what_is_missing(office: Office, database_url: str) -> None:
    assert vapi_diff(office, database_url, ANA) == (1, "", "❌ Choose an assistant first.\n")
    assert vapi_diff(office, database_url, "nobody") == (1, "", "❌ There is no such agent.\n")
    assert vapi_diff(office, database_url) == (0, "No agent has an assistant yet.\n", "")
    missing = "❌ No Vapi account is connected. An admin connects one on the page Phone line.\n"
    assert vapi_diff(office, database_url, key="") == (1, "", missing)
