"""Accounts at stand-ins for providers, connected without a person who signs in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from peterental.calendars.credentials import CredentialsStore
from peterental.encryption import Keyring

if TYPE_CHECKING:
    import psycopg

    from peterental.calendars.source import Tokens

KEY = "a key of the bench" * 3
"""CREDENTIALS_KEY of the servers that use these accounts."""

_CONNECT = """
    WITH account AS (
        INSERT INTO calendar_accounts (agent_id, kind, name, credentials) VALUES (%s, %s, %s, %s)
        RETURNING account_id, agent_id
    )
    INSERT INTO calendars (account_id, agent_id, remote_id, name, is_writable, blocks, receives_viewings)
    SELECT account_id, agent_id, %s, 'Calendar', TRUE, TRUE, TRUE FROM account
"""


def connect(
    connection: psycopg.Connection[Any], agent_id: str, *, kind: str, name: str, remote_id: str, tokens: Tokens
) -> None:
    """Connect an account with one calendar, which takes time and receives viewings.

    Args:
        connection: to the database.
        agent_id: who has it.
        kind: `google` or `microsoft`.
        name: of the account.
        remote_id: the provider's id of the calendar.
        tokens: with which the account signs in.
    """
    credentials = CredentialsStore(Keyring(lambda: (KEY,))).encrypt(agent_id, tokens)
    connection.execute(_CONNECT, (agent_id, kind, name, credentials, remote_id))
