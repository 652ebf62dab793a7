"""Throttling of password guesses: what they count against, and the wait; pure.

`docs/decisions/013-login-throttle.md` has the reasons.
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
"""Consecutive failed attempts before the first wait."""

FIRST_WAIT_S = 30
MAX_WAIT_S = 900
"""The wait in seconds after the last free attempt; each further failure doubles it, up to the maximum."""

FAILURES_EXPIRE_AFTER = timedelta(days=1)
"""The count restarts after this time without a failed attempt."""

IPV6_PREFIX_BITS = 64
"""The bits of an IPv6 address that identify a customer's network; customers choose the rest freely."""


@dataclass(frozen=True)
class ClientOrigin:
    """Where an attempt comes from.

    Args:
        address: the IP address; None where there is none, as on the command line.
        device: the id of a trusted browser, set when this account last signed in there; None for any other browser.
    """

    address: str | None = None
    device: str | None = None


@dataclass(frozen=True)
class ThrottleKey:
    """What failed attempts are counted against: an account, a network, a browser.

    Args:
        subject: its key in `sign_in_failures`.
        free_attempts: failed attempts before the first wait.
        is_cleared_by_success: whether a success resets the count; otherwise it only takes back its own attempt.
    """

    subject: str
    free_attempts: int
    is_cleared_by_success: bool = True


def sign_in_keys(email: str, origin: ClientOrigin) -> tuple[ThrottleKey, ...]:
    """Return what a sign-in attempt is counted against.

    That is a trusted browser alone, or else the account and the network.

    A stranger's guesses therefore never lock out a trusted browser, and waits do not reveal whether an account exists.
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
    """Return the key for a signed-in user who confirms the current password."""
    return ThrottleKey(f"user:{user_id}", FREE_ATTEMPTS_PER_ACCOUNT)


def setup_key(address: str) -> ThrottleKey:
    """Return the key for an attempt to open a set-up link."""
    return ThrottleKey(f"setup:{network_of(address)}", FREE_ATTEMPTS_PER_NETWORK, is_cleared_by_success=False)


def reset_keys(email: str, address: str) -> tuple[ThrottleKey, ...]:
    """Return what a request for an e-mail with a new link counts against: the account and the network.

    Nothing clears the counts: the request itself is what is limited.
    """
    return (
        ThrottleKey(f"reset:{email_digest(email)}", FREE_ATTEMPTS_PER_ACCOUNT, is_cleared_by_success=False),
        ThrottleKey(f"reset-from:{network_of(address)}", FREE_ATTEMPTS_PER_NETWORK, is_cleared_by_success=False),
    )


def email_digest(email: str) -> str:
    """Return a digest of an e-mail address, ignoring case.

    A digest, because people also type passwords into that field.
    """
    return hashlib.sha256(email.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()[:32]


def network_of(address: str) -> str:
    """Return the network of an address: IPv4 the address itself, IPv6 its /64."""
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
    """Return a wait in words, rounded up: `30 seconds`, `2 minutes`."""
    seconds = max(1, math.ceil(wait_s))
    number, unit = (seconds, "second") if seconds <= 60 else (math.ceil(seconds / 60), "minute")  # noqa: PLR2004  # a minute
    return counted(number, unit)
