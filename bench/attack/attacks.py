"""The attacks by name, with what must hold while each goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bench.attack import floods, odd, slow
from bench.attack.attacker import Attacker
from bench.attack.wire import request
from bench.pages.office import EMAIL

_HTTP_10 = b"GET /login HTTP/1.0\r\n\r\n"
_CLOSE = request("GET", "/login", {"Connection": "close"})
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_WEBHOOK = "/vapi/webhook"

SLOW_LIMIT_S = 1.0
"""The longest response time of a call while clients are slow or linger."""

BODIES_MB, SIGN_INS_MB = 200, 60
"""The most memory by which a worker may grow."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Args:
        name: for the report and for `--only`.
        sent: what it sends.
        run: sends it.
        limit_s: the longest permitted response time of a call; None if calls must be answered, however slowly.
        hold_s: how long it is kept up, in multiples of `--seconds`; None if it ends by itself.
        growth_mb: the most memory by which a worker may grow; None without a limit.
    """

    name: str
    sent: str
    run: Callable[[Attacker], Awaitable[None]]
    limit_s: float | None = None
    hold: float | None = None
    growth_mb: int | None = None


def _slow(name: str, sent: str, run: slow.Run, hold: float = 1.0) -> Attack:
    return Attack(name, sent, run, limit_s=SLOW_LIMIT_S, hold=hold)


_SLOW = [
    _slow("lingering after Connection: close", "8 clients", slow.lingering(8, _CLOSE)),
    _slow("lingering after HTTP/1.0", "8 clients", slow.lingering(8, _HTTP_10)),
    _slow("lingering after nonsense", "16 clients, random bytes", slow.nonsense(16)),
    _slow("lingering after a TLS hello", "16 clients", slow.tls_hello(16)),
    _slow("idle connections, 100", "100 clients that send nothing", slow.idle(100)),
    _slow("idle connections, 1,000", "1,000 clients that send nothing", slow.idle(1000)),
    _slow("idle connections after a request", "200 clients, one request each", slow.idle_after_an_answer(200)),
    _slow("slow heads, half sent, 16", "16 clients", slow.half_heads(16)),
    _slow("slow heads, half sent, 200", "200 clients", slow.half_heads(200)),
    _slow("slow heads, byte by byte", "200 clients, 2 bytes a second", slow.trickled_heads(200)),
    _slow("slow bodies on /login, 16", "16 clients, 2 bytes a second", slow.slow_bodies(16, "/login", _FORM)),
    _slow("slow bodies on /login, 200", "200 clients, 2 bytes a second", slow.slow_bodies(200, "/login", _FORM)),
    _slow("slow bodies on the webhook, 16", "16 clients, 2 bytes a second", slow.slow_bodies(16, _WEBHOOK, _JSON)),
    _slow("slow bodies on the webhook, 200", "200 clients, 2 bytes a second", slow.slow_bodies(200, _WEBHOOK, _JSON)),
    _slow("endless chunks on /login", "64 clients, 2 KB a second", slow.endless_chunks(64, "/login")),
    _slow(
        "endless chunks with the secret",
        "16 clients, 2 KB a second",
        slow.endless_chunks(16, _WEBHOOK, with_secret=True),
    ),
    _slow("slow readers of an export", "16 signed-in clients, 2 bytes a second", slow.slow_readers(16)),
]

ATTACKS = [
    *_SLOW,
    Attack("connections", "32 clients that connect and disconnect", floods.connections(32)),
    Attack("pipelined requests", "8 clients, 500 requests before the first answer", floods.pipelined(8, 500)),
    Attack("huge heads", "heads of 0.5 to 1 MB of six kinds", floods.huge_heads(16)),
    Attack("big bodies", "8 bodies of 4.8 MB at once, three times", floods.big_bodies(3), growth_mb=BODIES_MB),
    Attack("wrong secrets", "16 clients, new connections", floods.wrong_secrets(16)),
    Attack("sign-ins of strangers", "24 at once, three times", floods.sign_ins(3), growth_mb=SIGN_INS_MB),
    Attack("sign-ins with the right password", "24 at once", floods.right_sign_ins(1), growth_mb=SIGN_INS_MB),
    Attack(
        "sign-ins with wrong passwords",
        "24 at once, three times",
        floods.sign_ins(3, EMAIL["agent"]),
        growth_mb=SIGN_INS_MB,
    ),
    Attack("odd headers", f"{len(odd.HEADERS)} headers x {len(odd.BYTES)} values, twice", odd.odd_headers),
    Attack("odd paths and methods", f"{len(odd.PATHS)} paths, {len(odd.METHODS)} methods", odd.odd_paths),
    Attack("odd fields", f"{len(odd.TEXTS)} texts in every field", odd.odd_fields),
    Attack("long fields", f"20 KB, {len(odd.FILLS)} kinds", odd.long_fields),
    Attack("request smuggling", "requests with an ambiguous end", odd.smuggling),
    _slow("all slow kinds at once", "all of the above", slow.together(*(attack.run for attack in _SLOW)), hold=3.0),
]
