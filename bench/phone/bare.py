"""The baseline: a Flask view with one pooled SELECT. Run with `gunicorn bench.phone.bare:app`."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify
from psycopg_pool import ConnectionPool

app = Flask(__name__)
_pool = ConnectionPool(
    os.environ["DATABASE_URL"],
    min_size=1,
    max_size=int(os.environ.get("WEB_THREADS", "8")),
    kwargs={"autocommit": True},
    open=False,
)


@app.post("/vapi/webhook")
def select() -> Response:
    """Return one row as JSON."""
    _pool.open()  # in the worker, after the fork; does nothing if it is open
    with _pool.connection() as connection:
        row = connection.execute("SELECT agent_id, agent_name FROM agents WHERE agent_id = %s", ["agent-1"]).fetchone()
    return jsonify(row)
