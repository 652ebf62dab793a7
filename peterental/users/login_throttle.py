"""How guessing is slowed down: who is counted for a try, and how long they wait after too many wrong ones; pure.

`docs/decisions/013-guessing-is-slowed-down.md` says why it is so.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from peterental.plural import counted

FREE_ATTEMPTS_PER_ACCOUNT = 5
FREE_ATTEMPTS_PER_NETWORK = 20
"""So many wrong tries in a row cost nothing."""

FIRST_WAIT_S = 30
MAX_WAIT_S = 900
"""What the last free one costs, in seconds; each further one twice as much as the one before, up to the longest."""

FAILURES_EXPIRE_AFTER = timedelta(days=1)
"""Whoever has not been wrong for that long begins anew."""

IPV6_PREFIX_BITS = 64
"""The bits of an IPv6 address that name a customer; the rest they choose freely."""


@dataclass(frozen=True)
class ClientOrigin:
    """Where somebody tries from.

    Args:
        address: the network address; None where there is none, as on the command line.
        device: what a browser was given when this very account last signed in there; None for any other browser.
    """

    address: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class ThrottleKey:
    """Something that wrong tries are counted for.

    Args:
        subject: its name in `sign_in_failures`.
        free: so many wrong tries cost no wait.
        is_cleared_by_success: whether the right password makes it begin anew, or only takes back this one try.
    """

    subject: str
    free_attempts: int
    is_cleared_by_success: bool = True


def sign_in_keys(email: str, origin: ClientOrigin) -> tuple[ThrottleKey, ...]:
    """Give what a try to sign in counts for: a known browser for itself, any other for the account and its network.

    So a stranger's guesses never keep out whoever signed in before, nor do they tell whether there is the account.
    """
    if origin.device is not None:
        return (ThrottleKey(f"device:{origin.device}", FREE_ATTEMPTS_PER_ACCOUNT),)
    account = ThrottleKey(f"account:{email_digest(email)}", FREE_ATTEMPTS_PER_ACCOUNT)
    if origin.address is None:
        return (account,)
    return account, ThrottleKey(
        f"address:{network_of(origin.address)}", FREE_ATTEMPTS_PER_NETWORK, is_cleared_by_success=False
    )


def user_key(user_id: int) -> ThrottleKey:
    """Give what somebody who is signed in counts for when they type their password again."""
    return ThrottleKey(f"user:{user_id}", FREE_ATTEMPTS_PER_ACCOUNT)


def setup_key(address: str) -> ThrottleKey:
    """Give what a try of a set-up link counts for."""
    return ThrottleKey(f"setup:{network_of(address)}", FREE_ATTEMPTS_PER_NETWORK, is_cleared_by_success=False)


def email_digest(email: str) -> str:
    """Give a digest that is the same however an address is typed; people also type passwords into that field."""
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def network_of(address: str) -> str:
    """Give the network that an address belongs to: an IPv4 address itself, the /64 of an IPv6 one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is None:
            return str(ip_network((int(found), IPV6_PREFIX_BITS), strict=False))
        found = found.ipv4_mapped
    return str(found)


def format_wait(wait_s: float) -> str:
    """Give a wait as people say it, rounded up: `30 seconds`, `2 minutes`."""
    seconds = max(1, math.ceil(wait_s))
    number, unit = (seconds, "second") if seconds <= 60 else (math.ceil(seconds / 60), "minute")  # noqa: PLR2004  # a minute
    return counted(number, unit)
