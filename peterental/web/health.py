"""Health checks: `/healthz`, the gate of a deploy, and the strict `/readyz`.

Anyone can read them, so they name no cause: the log has it, and the schema page for admins.
"""

from __future__ import annotations

import logging
from typing import Literal

from flask import Blueprint, Response, jsonify

from peterental.database.connect import SchemaOutdated
from peterental.database.migrations.errors import EngineError, LedgerError, MigrationFilesError, NoSchema
from peterental.database.migrations.ledger.status import SchemaHealth
from peterental.errors import Fault

log = logging.getLogger(__name__)

Reason = Literal["database", "schema"]
"""What prevents this process from serving: no database, or a schema that does not fit this release."""


SCHEMA_FAULTS = (MigrationFilesError, LedgerError, NoSchema, SchemaOutdated)
"""The faults of files, ledger and schema; any other is one of the database."""


def create_blueprint(gate: SchemaHealth) -> Blueprint:
    """Return the health routes of one process.

    Args:
        gate: checks whether the schema fits this release.
    """
    blueprint = Blueprint("health", __name__)
    check = _StrictCheck(gate)
    seen_fit = False

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Return 503 until this process has seen its schema once, then always 200.

        A database outage is no reason to restart a process that will serve again when the database is back.
        """
        nonlocal seen_fit
        if not seen_fit:
            answer = check.answer()
            if answer[1] != 200:  # noqa: PLR2004  # HTTP's own number
                return answer
            seen_fit = True
        return jsonify(status="ok"), 200

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Return 200 only while the database answers and the schema fits."""
        return check.answer()

    return blueprint


class _StrictCheck:
    """Compares the schema with this release, and logs a cause when it is new.

    Args:
        gate: compares.
    """

    def __init__(self, gate: SchemaHealth) -> None:
        self._gate = gate
        self._logged = ""

    def answer(self) -> tuple[Response, int]:
        """Return the state, and 200 or 503."""
        try:
            status = self._gate.status()
        except (Fault, EngineError) as fault:
            return self._unavailable("schema" if isinstance(fault, SCHEMA_FAULTS) else "database", str(fault))
        if not status.fits:
            return self._unavailable("database" if status.read_only_reason else "schema", status.summary())
        self._logged = ""
        return jsonify(status="ok", schema=status.state), 200

    def _unavailable(self, reason: Reason, cause: str) -> tuple[Response, int]:
        if cause != self._logged:
            self._logged = cause
            log.warning("Not ready: %s", cause)
        return jsonify(status="unavailable", reason=reason), 503
