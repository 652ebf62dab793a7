"""`flask notices-reply` is a visitor's text, in development."""

from __future__ import annotations

from pathlib import Path

import pytest

from peterental.app import create_app
from peterental.config import Config, Environment
from peterental.database.pool import Database
from tests.notices.replies.conftest import Visitor
from tests.servers import close_for_good

KEY = "a session key for tests, long enough"


def run(config: Config, *args: str) -> tuple[int, str]:
    app = create_app(config)
    try:
        with app.app_context():
            result = app.test_cli_runner().invoke(args=["notices-reply", *args])
    finally:
        close_for_good(app.extensions["peterental.database"])
    return result.exit_code, result.output + str(result.exception or "")


def test_a_text_is_taken_in(database: Database, visitor: Visitor, viewing: int, tmp_path: Path) -> None:
    config = Config(database_url=database.url, secret_key=KEY, instance_dir=tmp_path)
    code, said = run(config, "(405) 555-0123", "Is there parking?")
    assert (code, said) == (
        0,
        "✅ The text from +14055550123 was received. The Outbox and Messages show the result.\n",
    )
    assert visitor.messages() == [("Is there parking?", viewing)]


@pytest.mark.parametrize(
    ("environment", "number", "refusal"),
    [
        ("production", "+14055550123", "❌ In production, texts come from Twilio."),
        ("development", "Dolores", "❌ Enter the number that texts, such as +14055550123."),
    ],
)
def test_nothing_else_is_accepted(environment: Environment, number: str, refusal: str, tmp_path: Path) -> None:
    config = Config(
        database_url="postgresql://127.0.0.1:1/none", secret_key=KEY, instance_dir=tmp_path, environment=environment
    )
    code, said = run(config, number, "C")
    assert code == 1
    assert refusal in said
