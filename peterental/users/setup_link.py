"""The set-up link, which creates the first admin as long as no user has a password."""

from __future__ import annotations

import hashlib
import hmac

from peterental.config import Config

PURPOSE = b"peterental: make the first user"


def setup_token(session_key: str) -> str:
    """Return the token of the set-up link.

    It is the same in every process with the same session key.
    """
    return hmac.new(session_key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def verify_setup_token(token: str, session_key: str) -> bool:
    """Return whether `token` is the set-up token, compared in constant time."""
    return hmac.compare_digest(token.encode(), setup_token(session_key).encode())


def setup_link(config: Config) -> str:
    """Return the absolute URL of the page that creates the first admin."""
    return f"{config.address}/setup?token={setup_token(config.session_key())}"
