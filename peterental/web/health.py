"""Health checks: `/healthz`, the gate of a deploy, and the strict `/readyz`."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from peterental.database.migrations.errors import EngineError
from peterental.database.migrations.ledger.status import SchemaHealth
from peterental.errors import Fault


def create_blueprint(gate: SchemaHealth) -> Blueprint:
    """Return the health routes of one process.

    Args:
        gate: checks whether the schema fits this release.
    """
    blueprint = Blueprint("health", __name__)
    seen_fit = False

    @blueprint.get("/healthz")
    def healthz() -> tuple[Response, int]:
        """Return 503 until this process has seen its schema once, then always 200.

        A database outage is no reason to restart a process that will serve again when the database is back.
        """
        nonlocal seen_fit
        if not seen_fit:
            answer = _strict(gate)
            if answer[1] != 200:  # noqa: PLR2004  # HTTP's own number
                return answer
            seen_fit = True
        return jsonify(status="ok"), 200

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Return 200 only while the database answers and the schema fits."""
        return _strict(gate)

    return blueprint


def _strict(gate: SchemaHealth) -> tuple[Response, int]:
    try:
        status = gate.status()
    except (Fault, EngineError) as fault:
        return jsonify(status="unavailable", reason=str(fault)), 503
    if status.fits:
        return jsonify(status="ok", schema=status.state), 200
    return jsonify(status="unavailable", reason=status.summary(), schema=status.state, pending=status.pending), 503
