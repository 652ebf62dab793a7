"""Attacks: calls are answered while slow clients hold sockets; nothing odd leads to a 500."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from bench.attack import floods, odd, slow
from bench.attack.attacker import Attacker
from bench.attack.attacks import ATTACKS, Attack
from bench.attack.browser import Browser, Form, parse
from bench.attack.cores import OtherPrograms, ours_s
from bench.attack.line import Calls, PhoneLine, sentence_of
from bench.attack.target import Target, complaints_of, running_target
from bench.attack.verdict import Holds, Result, table
from bench.attack.wire import Wire, request
from bench.chaos.callers import half_hours
from bench.chaos.consistency import ConsistencyCheck
from bench.chaos.lab_agents import DAYS, ZONE
from bench.pages.office import EMAIL, PASSWORD
from tests.servers import HANG_S, until

pytestmark = pytest.mark.untraced

CLIENTS = 16
"""As many as one worker has threads, twice: enough to hold every thread of two workers."""

HALF_A_HEAD = b"POST /vapi/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Fil"
FORM_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": "1000"}
HALF_A_FORM = request("POST", "/login", FORM_HEADERS, b"email=a")
HALF_A_MESSAGE = request("POST", "/vapi/webhook", {"Content-Length": "1000"}, b'{"message"')
FIRST_CHUNK = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nemail\r\n"
HELD = {
    "no byte": b"",
    "half a head": HALF_A_HEAD,
    "half a form": HALF_A_FORM,
    "a chunk without an end": FIRST_CHUNK,
}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with running_target(tmp_path_factory.mktemp("attack")) as running:
        yield running


@pytest.fixture
def line(target: Target) -> PhoneLine:
    """Callers who wait until they are answered."""
    slots = half_hours(datetime.now(ZONE) + timedelta(days=1), DAYS - 2)
    return PhoneLine(target.port, target.secret, target.assistants, slots, timeout_s=HANG_S)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it with a time limit, which a passing test never reaches.

    On a thread of its own: in this one, Playwright may have left an event loop that runs.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(asyncio.wait_for(work, HANG_S))).result()


def attacker_on(target: Target, browser: Browser) -> Attacker:
    return Attacker(target.port, target.secret, browser, random.Random(1))  # noqa: S311  # repeatable, not secret


@asynccontextmanager
async def attacker_signed_in(target: Target) -> AsyncIterator[Attacker]:
    browser = Browser(target.port)
    try:
        await browser.sign_in(EMAIL["admin"], PASSWORD)
        yield attacker_on(target, browser)
    finally:
        browser.close()


async def answered(line: PhoneLine, number: int) -> None:
    """Place calls one after the other; each must be answered."""
    calls = Calls()
    for _ in range(number):
        await line.call(calls)
    assert (len(calls.response_times_s), calls.late, calls.cut_off, calls.apologies) == (number, 0, 0, 0)


async def hold(target: Target, data: bytes) -> list[Wire]:
    """Open connections, each of which has sent `data` and waits."""
    wires = [Wire(target.port) for _ in range(CLIENTS)]
    for wire in wires:
        await wire.connect()
        await wire.send(data)
    return wires


@pytest.mark.parametrize("data", HELD.values(), ids=HELD)
def test_calls_are_answered_while_clients_hold_sockets(target: Target, line: PhoneLine, data: bytes) -> None:
    async def attack() -> None:
        wires = await hold(target, data)
        try:
            await answered(line, 10)
            assert [wire.is_open() for wire in wires] == [True] * CLIENTS
        finally:
            for wire in wires:
                wire.close()

    run(attack())
    assert line.tally.answers == {200: 10}


FEW_OF_EACH = slow.together(
    slow.lingering(4, request("GET", "/login", {"Connection": "close"})),
    slow.lingering(4, b"GET /login HTTP/1.0\r\n\r\n"),
    slow.nonsense(4),
    slow.tls_hello(4),
    slow.idle(100),
    slow.idle_after_an_answer(16),
    slow.half_heads(CLIENTS),
    slow.trickled_heads(CLIENTS),
    slow.slow_bodies(CLIENTS, "/login", "application/x-www-form-urlencoded"),
    slow.endless_chunks(CLIENTS, "/vapi/webhook", with_secret=True),
    slow.slow_readers(4),
)


@pytest.mark.parametrize(("attack", "connections"), [(FEW_OF_EACH, 200), (slow.idle(1000), 1000)], ids=["all", "1,000"])
def test_calls_are_answered_among_slow_clients(
    target: Target, line: PhoneLine, attack: slow.Run, connections: int
) -> None:
    """A few of each kind at once, or more than are kept; they stay until the last answer."""

    async def call() -> None:
        async with attacker_signed_in(target) as attacker:
            running = asyncio.ensure_future(attack(attacker))
            placing = asyncio.ensure_future(answered(line, 20))
            while attacker.opened < connections:  # noqa: ASYNC110  # the attack knows no events
                await asyncio.sleep(0)
            await answered(line, 20)
            await placing
            assert not running.done()
            running.cancel()

    run(call())
    assert line.tally.answers == {200: 40}
    with target.postgres.connect() as connection:
        violations = ConsistencyCheck(connection, ZONE).violations(line.heard, line.tally, shipped=0)
    assert violations == []


@pytest.mark.parametrize(
    "attack",
    [odd.odd_headers, odd.odd_paths, odd.smuggling, floods.huge_heads(4)],
    ids=["headers", "paths", "smuggling", "huge heads"],
)
def test_nothing_odd_leads_to_a_fault(target: Target, attack: Callable[[Attacker], Awaitable[None]]) -> None:
    offset = target.log_size()

    async def send() -> None:
        async with attacker_signed_in(target) as attacker:
            await attack(attacker)
        assert attacker.complaints == []
        assert attacker.statuses

    run(send())
    assert complaints_of(target.log_since(offset)) == []


def test_a_served_second_request_is_found(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(odd, "_SHAPES", (b"Content-Length: 0\r\n\r\n",))
    attacker = attacker_on(target, Browser(target.port))
    run(odd.smuggling(attacker))
    assert attacker.complaints == ["a second request was served in b'Content-Length: 0\\r\\n\\r\\n': [400, 404]"]


@pytest.mark.parametrize(
    ("log", "complaint"),
    [
        (b"Traceback (most recent call last):\n  File", "1 x a traceback in the log: "),
        (
            b"2026-11-29 10:00:00,000 ERROR failed\n    Traceback (most recent call last):",
            "1 x a traceback in the log: ",
        ),
        (b'2026-11-29 10:00:00,000 INFO - 127.0.0.1 "GET /" 500 0 bytes', "1 x a 500 in the log: "),
        (b"2026-11-29 10:00:00,000 INFO \x1b[31m", "1 x a control character in the log: "),
        (b"2026-11-29 10:00:00,000 INFO \xc2\x85", "1 x a control character in the log: "),
        (b"2026-11-29 10:00:00,000 INFO a\nforged", "1 x a log line that does not start with the time: b'forged'"),
        (b"2026-11-29 10:00:00,000 CRITICAL WORKER TIMEOUT (pid:7)", "1 x a worker was stopped: "),
    ],
)
def test_what_a_log_must_not_contain_is_found(log: bytes, complaint: str) -> None:
    (found,) = complaints_of(log)
    assert found.startswith(complaint)


def test_an_ordinary_log_has_no_complaints() -> None:
    log = '2026-11-29 10:00:00,000 INFO - ::1 "GET /é" 404 7 bytes 1 ms\n    its second line\n'
    assert complaints_of(log.encode()) == []


async def nothing(_attacker: Attacker) -> None:
    pass


SLOW = Attack("slow", "", nothing, limit_s=1.0, hold=1.0)
LARGE = Attack("large", "", nothing, growth_mb=60)


@pytest.mark.parametrize(
    ("result", "calm_s", "holds"),
    [
        (Result(SLOW, Calls([0.1])), 0.1, "yes"),
        (Result(SLOW, Calls([1.2])), 0.1, "NO"),
        (Result(SLOW, Calls([1.2], lag_s=0.3)), 0.1, "machine too busy"),
        (Result(SLOW, Calls([1.2])), 1.1, "machine too busy"),
        (Result(SLOW, Calls([1.2], lag_s=1.1)), 0.1, "machine too busy"),
        (Result(SLOW, Calls([1.2], others=0.6)), 0.1, "machine too busy"),
        (Result(SLOW, Calls([0.1], others=0.6)), 0.1, "yes"),
        (Result(SLOW, Calls([0.1], late=1)), 0.1, "NO"),
        (Result(SLOW, Calls([0.1], late=1)), 1.1, "machine too busy"),
        (Result(SLOW, Calls([0.1], cut_off=1)), 1.1, "NO"),
        (Result(LARGE, Calls([0.1], late=1)), 1.1, "NO"),
        (Result(SLOW, Calls([0.1], apologies=1)), 1.1, "NO"),
        (Result(SLOW, Calls()), 0.1, "NO"),
        (Result(SLOW, Calls([0.1]), complaints=["a 500"]), 0.1, "NO"),
        (Result(LARGE, Calls([3.0]), growth_mb=59), 0.1, "yes"),
        (Result(LARGE, Calls([3.0]), growth_mb=61), 0.1, "NO"),
    ],
)
def test_each_requirement_decides_whether_it_holds(result: Result, calm_s: float, holds: Holds) -> None:
    calm = Calls([calm_s])
    assert result.holds(calm) == holds
    assert holds in table([result], calm)


def test_quantiles_count_missing_answers() -> None:
    calls = Calls([0.1, 0.2, 0.3], late=1)
    assert [calls.quantile_s(share) for share in (0, 0.5, 0.99)] == [0.1, 0.3, 5.0]
    assert calls.worst_s == 5.0
    assert Calls().quantile_s(0.5) == 0.0


def test_work_of_children_is_not_that_of_others() -> None:
    before_s = ours_s()
    program = "import time\nwhile time.process_time() < 0.3: pass"
    with subprocess.Popen([sys.executable, "-c", program]) as child:
        until(lambda: child.poll() is not None or ours_s() > before_s + 0.2, "its time is counted while it runs")
    assert ours_s() >= before_s + 0.2
    assert 0.0 <= OtherPrograms().share() <= 1.0


def test_every_attack_has_a_name_of_its_own() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


def test_forms_and_links_of_a_page_are_found() -> None:
    page = parse(
        "/agents/new",
        b'<a href="/agents">All</a><a href="https://example.com">Away</a>'
        b'<form method="post"><input type="hidden" name="csrf_token" value="t"><input name="name" value="Ana">'
        b'<input type="checkbox" name="off"><textarea name="notes"></textarea><button name="go">Go</button>'
        b'<select name="zone"><option value="a">A</option><option value="b" selected>B</option></select></form>',
    )
    assert page.links == ["/agents"]
    fields = {"csrf_token": "t", "name": "Ana", "notes": "", "zone": "b"}
    assert page.forms == [Form("/agents/new", "POST", "/agents/new", fields, ["name", "notes", "zone"])]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"results": []}', b"\xff", b'{"results": [7]}'])
def test_an_answer_without_a_sentence_is_none(body: bytes) -> None:
    assert sentence_of(body) is None
