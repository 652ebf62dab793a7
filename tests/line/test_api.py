"""Requests to Vapi: bounded, repeated where that is safe, and paged without losing or doubling entries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from peterental.line.api import VapiApi
from peterental.line.model import (
    VapiGone,
    VapiKeyRefused,
    VapiNonsense,
    VapiRefused,
    VapiThrottled,
    VapiTrouble,
    VapiUnreachable,
)
from tests.calendars.provider_server import HTML, Answer, Hang
from tests.line.vapi_server import BEGINNING, DOWN, DROPPED, KEY, MUCH_TOO_MANY, TOO_MANY, Trouble, VapiServer


@pytest.fixture
def vapi() -> Iterator[VapiServer]:
    """An account."""
    with VapiServer() as vapi:
        yield vapi


@pytest.fixture
def pauses() -> list[float]:
    """The pauses before repeated requests."""
    return []


@pytest.fixture
def open_api(vapi: VapiServer, pauses: list[float]) -> Callable[..., VapiApi]:
    """A function that opens the account."""

    def open_api(key: str = KEY, timeout_s: float = 60) -> VapiApi:
        return VapiApi(key, vapi.url, timeout_s=timeout_s, allow_private=True, pause=pauses.append)

    return open_api


Open = Callable[..., VapiApi]


def test_throttled_requests_are_repeated_after_the_pause(vapi: VapiServer, open_api: Open, pauses: list[float]) -> None:
    vapi.troubles = [Trouble("POST /assistant", TOO_MANY), Trouble("POST /assistant", TOO_MANY)]
    with open_api() as api:
        assert api.create_assistant({"name": "New"})["name"] == "New"
    assert pauses == [1.0, 1.0]
    assert len(vapi.assistants) == 1


def test_long_pause_is_left_to_the_next_click(vapi: VapiServer, open_api: Open, pauses: list[float]) -> None:
    vapi.troubles = [Trouble("GET /assistant", MUCH_TOO_MANY)]
    with open_api() as api, pytest.raises(VapiThrottled, match="for 120 seconds"):
        api.assistants()
    assert pauses == []


def test_throttling_ends_after_three_attempts(vapi: VapiServer, open_api: Open) -> None:
    vapi.troubles = [Trouble("GET /tool", TOO_MANY)] * 4
    with open_api() as api, pytest.raises(VapiThrottled):
        api.tools()
    assert len(vapi.asked) == 3


@pytest.mark.parametrize("reply", [DOWN, DROPPED])
def test_reading_is_repeated_and_writing_is_not(vapi: VapiServer, open_api: Open, reply: Answer) -> None:
    number = vapi.add_number()
    vapi.troubles = [Trouble("GET", reply), Trouble("PATCH", reply)]
    with open_api() as api:
        assert api.number(number)["number"] == "+14055550111"
        with pytest.raises(VapiUnreachable):
            api.update_number(number, {"name": "Front desk"})
    assert "name" not in vapi.numbers[number]
    assert len(vapi.asked) == 3


def test_time_is_limited_for_all_requests_together(vapi: VapiServer, open_api: Open) -> None:
    vapi.troubles = [Trouble("GET", Hang())] * 3
    with open_api(timeout_s=0.3) as api, pytest.raises(VapiUnreachable, match=r"no answer within 0\.3 seconds"):
        api.assistants()
    assert len(vapi.asked) == 1


@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (Answer(401, b"{}"), VapiKeyRefused, "private key"),
        (Answer(403, b"<html>"), VapiKeyRefused, "private key"),
        (
            Answer.of_json({"message": ["one", "two"]}, 400),
            VapiRefused,
            "Vapi refused to show the assistant: one; two.",
        ),
        (Answer.of_json({"message": "x" * 400}, 400), VapiRefused, "x" * 300 + "…"),
        (Answer.of_json([], 402), VapiRefused, "status 402"),
        (HTML, VapiNonsense, "it is not JSON"),
        (Answer.of_json([]), VapiNonsense, "it is no assistant"),
        (Answer(302, b"", {"Location": "https://elsewhere.example.com"}), VapiRefused, "status 302"),
    ],
)
def test_unusable_answers_are_explained(
    vapi: VapiServer, open_api: Open, reply: Answer, error: type[VapiTrouble], message: str
) -> None:
    vapi.troubles = [Trouble("GET", reply)]
    with open_api() as api, pytest.raises(error, match=message):
        api.assistant("a")


@pytest.mark.parametrize("content", [{"results": []}, [{"name": "no id"}], ["text"]])
def test_lists_of_another_shape_are_refused(vapi: VapiServer, open_api: Open, content: object) -> None:
    vapi.troubles = [Trouble("GET", Answer.of_json(content))]
    with open_api() as api, pytest.raises(VapiNonsense):
        api.assistants()


def test_ids_stay_in_their_part_of_the_path(vapi: VapiServer, open_api: Open) -> None:
    with open_api() as api, pytest.raises(VapiGone):
        api.assistant("../call?x=1")
    assert vapi.asked[0].path == "/assistant/..%2Fcall%3Fx%3D1"


def test_key_is_sent_and_checked(vapi: VapiServer, open_api: Open) -> None:
    with open_api() as api:
        api.check_key()
    with open_api("a public key") as api, pytest.raises(VapiKeyRefused):
        api.check_key()
    assert vapi.asked[0].headers["user-agent"] == "PeteRental"


def test_every_page_is_read_once(vapi: VapiServer, open_api: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of the same millisecond span pages; none is lost, none comes twice."""
    monkeypatch.setattr("peterental.line.api.CALL_PAGE_SIZE", 3)
    moments = [BEGINNING + timedelta(minutes=number // 2) for number in range(11)]
    ids = [vapi.add_call(None, created_at=moment) for moment in moments]
    vapi.add_call(None, created_at=BEGINNING - timedelta(minutes=1))
    with open_api() as api:
        found = [call["id"] for call in api.calls(BEGINNING)]
    assert (sorted(found), len(found)) == (sorted(ids), 11)


def test_page_of_one_moment_does_not_repeat_for_ever(
    vapi: VapiServer, open_api: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Vapi's pages have room for a part of one moment only, the rest of that moment is out of reach."""
    vapi.page_size = 2
    monkeypatch.setattr("peterental.line.api.CALL_PAGE_SIZE", 2)
    for _ in range(5):
        vapi.add_call(None, created_at=BEGINNING + timedelta(minutes=1))
    last = vapi.add_call(None, created_at=BEGINNING)
    with open_api() as api:
        assert last in {call["id"] for call in api.calls(BEGINNING)}


def test_number_of_pages_is_limited(vapi: VapiServer, open_api: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("peterental.line.api.CALL_PAGE_SIZE", 1)
    monkeypatch.setattr("peterental.line.api.MAX_PAGES", 2)
    for minute in range(4):
        vapi.add_call(None, created_at=BEGINNING + timedelta(minutes=minute))
    with open_api() as api, pytest.raises(VapiNonsense, match="more than 2 pages"):
        api.calls(BEGINNING)


def test_private_addresses_need_a_setting(vapi: VapiServer) -> None:
    with VapiApi(KEY, vapi.url) as api, pytest.raises(VapiUnreachable):
        api.check_key()
    assert vapi.asked == []
