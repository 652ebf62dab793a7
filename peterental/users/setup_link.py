"""The link that makes the first user, while there is none."""

from __future__ import annotations

import hashlib
import hmac

from peterental.config import Config

PURPOSE = b"peterental: make the first user"


def setup_token(session_key: str) -> str:
    """Give the token of the set-up link: the same in every process and at every start that shares the session key."""
    return hmac.new(session_key.encode(), PURPOSE, hashlib.sha256).hexdigest()


def verify_setup_token(token: str, session_key: str) -> bool:
    """Tell whether `token` is the one, taking the same time whichever character differs."""
    return hmac.compare_digest(token.encode(), setup_token(session_key).encode())


def setup_link(config: Config) -> str:
    """Give the absolute address at which the first user is made."""
    return f"{config.address}/setup?token={setup_token(config.session_key())}"
