"""News that comes while the database is away is held, and kept when it is back."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from peterental.calls import retry_queue
from peterental.calls.model import CallUpdate
from peterental.calls.retry_queue import CallUpdateQueue
from peterental.calls.service import CallService
from peterental.database.connect import DatabaseUnavailable
from peterental.database.pool import Database
from tests.proxy import Proxy
from tests.servers import HANG_S, until

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
REPORT = CallUpdate(vapi_call_id="c", is_report=True, status="ended", ended_at=NOW, transcript="AI: hello")


@pytest.mark.usefixtures("real_time_limits")
def test_a_report_that_came_while_the_database_was_away_is_there_when_it_is_back(
    database: Database, database_url: str
) -> None:
    with Proxy(database_url) as proxy:
        pool = Database(proxy.url)
        calls = CallService(pool, lambda: NOW)
        calls.record_update(replace(REPORT, vapi_call_id="before"))
        proxy.shut()
        calls.record_update(REPORT)
        calls.record_update(replace(REPORT, vapi_call_id="d"))
        assert database.fetch("SELECT vapi_call_id FROM calls") == [{"vapi_call_id": "before"}]
        proxy.open()
        until(lambda: len(database.fetch("SELECT 1 FROM calls WHERE status = 'ended'")) == 3, "both are kept")
        call = calls.get("c")
        assert call is not None
        assert call.transcript == "AI: hello"
        pool.close()


class Shelf:
    """Keeps news while it is open."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.is_open = False
        self.poison = ""

    def keep(self, update: CallUpdate, _: datetime) -> None:
        if not self.is_open:
            raise DatabaseUnavailable(reason="closed")
        if update.vapi_call_id == self.poison:
            raise ValueError(update)
        self.kept.append(update.vapi_call_id)


def test_it_is_kept_in_the_order_it_came_and_once() -> None:
    shelf = Shelf()
    update = CallUpdateQueue(shelf.keep, retry_interval_s=0.01)
    for number in range(5):
        update.enqueue(replace(REPORT, vapi_call_id=str(number)), NOW)
    assert not update.flush()
    shelf.is_open = True
    until(lambda: len(update) == 0, "all is kept")
    assert shelf.kept == ["0", "1", "2", "3", "4"]
    shelf.is_open = False
    update.enqueue(replace(REPORT, vapi_call_id="later"), NOW)
    shelf.is_open = True
    until(lambda: shelf.kept[-1] == "later", "it begins anew")


def test_of_too_much_the_oldest_is_given_up_and_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(retry_queue, "MAX_QUEUED_CHARS", 25)
    update = CallUpdateQueue(Shelf().keep, retry_interval_s=HANG_S)
    with caplog.at_level(logging.ERROR):
        for name in "abc":
            update.enqueue(replace(REPORT, vapi_call_id=name), NOW)
    assert len(update) == 2
    assert [record.__dict__["call_id"] for record in caplog.records] == ["a"]


def test_news_that_can_never_be_kept_is_named_and_does_not_block_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    shelf.poison = "bad"
    update = CallUpdateQueue(shelf.keep, retry_interval_s=HANG_S)
    for name in ("bad", "good"):
        update.enqueue(replace(REPORT, vapi_call_id=name), NOW)
    shelf.is_open = True
    assert update.flush()
    assert shelf.kept == ["good"]
    assert [record.__dict__["call_id"] for record in caplog.records if record.levelno == logging.ERROR] == ["bad"]
