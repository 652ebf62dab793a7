"""The Vapi account, set-ups and comparisons of lines, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.types.json import Jsonb

from peterental.line.model import Difference, LineCheck, LineChoice, LineState, SetUp, Step

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from peterental.database.connect import Connection
    from peterental.database.pool import Database

LEASE = timedelta(minutes=2)
"""Longer than all requests of a set-up may take together."""

_SET_UP = """
    agent_id, set_up_key, assistant_id, assistant_name, first_message, phone_number_id, seen_assistant, seen_number,
    done, is_asked, problem, finished_at
"""
_CHECK = """
    agent_id, checked_at, assistant_name, assistant_version, number, number_version, differences, problem
"""


@dataclass(frozen=True, kw_only=True)
class StoredAccount:
    """The account as stored; the key is encrypted."""

    api_key: str | None
    connected_at: datetime | None
    connected_by: str | None
    problem: str | None
    reconciled_at: datetime | None


class LineRepository:
    """The lines of one database. Each method without a connection is one round trip."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- the account -------------------------------------------------------------------------------------------------

    def account(self) -> StoredAccount:
        """Return the account."""
        (row,) = self._database.fetch(
            "SELECT api_key, connected_at, connected_by, problem, reconciled_at FROM line_account"
        )
        return StoredAccount(**row)

    def store_key(self, connection: Connection, api_key: str | None, connected_by: str | None) -> None:
        """Queue storing the encrypted key, or removing it."""
        connection.execute(
            """
            UPDATE line_account
            SET api_key = %s, connected_by = %s, problem = NULL,
                connected_at = CASE WHEN %s::text IS NULL THEN NULL ELSE clock_timestamp() END
            """,
            (api_key, connected_by, api_key),
        )

    def record_problem(self, problem: str | None) -> None:
        """Store why a background job failed; None after one that did not."""
        self._database.fetch(
            "UPDATE line_account SET problem = %s WHERE problem IS DISTINCT FROM %s", (problem, problem)
        )

    # --- set-ups -----------------------------------------------------------------------------------------------------

    def set_up(self, agent_id: str) -> SetUp | None:
        """Return the last set-up of an agent's line."""
        rows = self._database.fetch(f"SELECT {_SET_UP} FROM line_set_ups WHERE agent_id = %s", (agent_id,))
        return _set_up(rows[0]) if rows else None

    def begin(self, connection: Connection, agent_id: str, choice: LineChoice, actor: str) -> bool:
        """Store a new set-up in place of the last one; return False while that is being written."""
        row = connection.execute(
            """
            INSERT INTO line_set_ups (
                agent_id, assistant_id, assistant_name, first_message, phone_number_id, seen_assistant, seen_number,
                started_by
            )
            VALUES (
                %(agent_id)s, %(assistant_id)s, %(name)s, %(first_message)s, %(phone_number_id)s, %(seen_assistant)s,
                %(seen_number)s, %(actor)s
            )
            ON CONFLICT (agent_id) DO UPDATE
            SET set_up_key = EXCLUDED.set_up_key, assistant_id = EXCLUDED.assistant_id,
                assistant_name = EXCLUDED.assistant_name, first_message = EXCLUDED.first_message,
                phone_number_id = EXCLUDED.phone_number_id, seen_assistant = EXCLUDED.seen_assistant,
                seen_number = EXCLUDED.seen_number, started_by = EXCLUDED.started_by, done = '{}', is_asked = FALSE,
                problem = NULL, started_at = clock_timestamp(), finished_at = NULL
            WHERE (line_set_ups.leased_until BETWEEN clock_timestamp() AND clock_timestamp() + %(lease)s) IS NOT TRUE
            RETURNING agent_id
            """,
            {"agent_id": agent_id, "actor": actor, "lease": LEASE, **asdict(choice)},
        ).fetchone()
        return row is not None

    def lease(self, agent_id: str) -> SetUp | None:
        """Reserve the unfinished set-up of an agent for this process; None if there is none or it is reserved.

        A reservation that lasts longer than any is of before the clock was set back.
        """
        rows = self._database.fetch(
            f"""
            UPDATE line_set_ups SET leased_until = clock_timestamp() + %(lease)s
            WHERE agent_id = %(agent_id)s AND finished_at IS NULL
                AND (leased_until BETWEEN clock_timestamp() AND clock_timestamp() + %(lease)s) IS NOT TRUE
            RETURNING {_SET_UP}
            """,
            {"lease": LEASE, "agent_id": agent_id},
        )
        return _set_up(rows[0]) if rows else None

    def release(self, agent_id: str, problem: str | None) -> None:
        """End the reservation, and store why the set-up stopped."""
        self._database.fetch(
            "UPDATE line_set_ups SET leased_until = NULL, problem = %s WHERE agent_id = %s", (problem, agent_id)
        )

    def record_asked(self, agent_id: str) -> None:
        """Store that Vapi is about to be asked to create the assistant."""
        self._database.fetch("UPDATE line_set_ups SET is_asked = TRUE WHERE agent_id = %s", (agent_id,))

    def record_steps(self, agent_id: str, steps: Sequence[Step], assistant_id: str) -> None:
        """Store that steps are done."""
        self._database.fetch(
            """
            UPDATE line_set_ups SET done = done || %s::text[], assistant_id = %s, problem = NULL WHERE agent_id = %s
            """,
            (list(steps), assistant_id, agent_id),
        )

    def finish(self, connection: Connection, agent_id: str) -> None:
        """Queue storing that a set-up is finished."""
        connection.execute("UPDATE line_set_ups SET finished_at = clock_timestamp() WHERE agent_id = %s", (agent_id,))

    # --- comparisons -------------------------------------------------------------------------------------------------

    def store_check(self, check: LineCheck) -> None:
        """Store a comparison in place of the last one."""
        self._database.fetch(
            f"""
            INSERT INTO line_checks ({_CHECK})
            VALUES (
                %(agent_id)s, %(checked_at)s, %(assistant_name)s, %(assistant_version)s, %(number)s,
                %(number_version)s, %(differences)s, %(problem)s
            )
            ON CONFLICT (agent_id) DO UPDATE
            SET checked_at = EXCLUDED.checked_at, assistant_name = EXCLUDED.assistant_name,
                assistant_version = EXCLUDED.assistant_version, number = EXCLUDED.number,
                number_version = EXCLUDED.number_version, differences = EXCLUDED.differences,
                problem = EXCLUDED.problem
            """,
            {**asdict(check), "differences": Jsonb([asdict(each) for each in check.differences])},
        )

    def delete_check(self, agent_id: str) -> None:
        """Delete the comparison of an agent whose line was chosen otherwise."""
        self._database.fetch("DELETE FROM line_checks WHERE agent_id = %s", (agent_id,))

    def checks(self) -> dict[str, LineCheck]:
        """Return the last comparisons by agent."""
        rows = self._database.fetch(f"SELECT {_CHECK} FROM line_checks")
        return {row["agent_id"]: _check(row) for row in rows}

    def state(self, agent_id: str) -> LineState:
        """Return the last set-up and the last comparison of an agent's line."""
        rows = self._database.fetch(
            """
            SELECT to_jsonb(line_set_ups) AS set_up, to_jsonb(line_checks) AS line_check
            FROM (SELECT %s::text AS agent_id) AS wanted
            LEFT JOIN line_set_ups ON line_set_ups.agent_id = wanted.agent_id
            LEFT JOIN line_checks ON line_checks.agent_id = wanted.agent_id
            """,
            (agent_id,),
        )
        set_up, check = rows[0]["set_up"], rows[0]["line_check"]
        return LineState(set_up=_set_up(set_up) if set_up else None, check=_check(check) if check else None)

    # --- fetched calls -----------------------------------------------------------------------------------------------

    def fetched(self, vapi_call_ids: Sequence[str]) -> set[str]:
        """Return those of some calls that were fetched before."""
        rows = self._database.fetch(
            "SELECT vapi_call_id FROM line_fetched_calls WHERE vapi_call_id = ANY(%s)", (list(vapi_call_ids),)
        )
        return {row["vapi_call_id"] for row in rows}

    def record_fetched(self, vapi_call_id: str, now: datetime) -> None:
        """Store that a call was fetched."""
        self._database.fetch(
            "INSERT INTO line_fetched_calls (vapi_call_id, fetched_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (vapi_call_id, now),
        )

    def record_reconciled(self, now: datetime, forget_before: datetime) -> None:
        """Store when calls were compared, and delete what is no longer looked up."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE line_account SET reconciled_at = %s, problem = NULL", (now,))
            connection.execute("DELETE FROM line_fetched_calls WHERE fetched_at < %s", (forget_before,))


def _set_up(row: DictRow) -> SetUp:
    return SetUp(
        agent_id=row["agent_id"],
        key=UUID(str(row["set_up_key"])),
        choice=LineChoice(
            assistant_id=row["assistant_id"],
            name=row["assistant_name"],
            first_message=row["first_message"],
            phone_number_id=row["phone_number_id"],
            seen_assistant=row["seen_assistant"],
            seen_number=row["seen_number"],
        ),
        done=tuple(row["done"]),
        is_asked=row["is_asked"],
        problem=row["problem"],
        finished_at=_moment(row["finished_at"]),
    )


def _check(row: DictRow) -> LineCheck:
    return LineCheck(
        agent_id=row["agent_id"],
        checked_at=_moment(row["checked_at"]) or datetime.min,  # noqa: DTZ901  # for mypy: the column is NOT NULL
        assistant_name=row["assistant_name"],
        assistant_version=row["assistant_version"],
        number=row["number"],
        number_version=row["number_version"],
        differences=tuple(Difference(**each) for each in row["differences"]),
        problem=row["problem"],
    )


def _moment(value: datetime | str | None) -> datetime | None:
    """Return a moment of a row, or of a row as JSON."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
