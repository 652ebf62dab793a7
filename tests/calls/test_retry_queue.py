"""Call updates received during an outage are queued and stored afterwards."""

from __future__ import annotations

import logging
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

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
def test_report_survives_an_outage(database: Database, database_url: str) -> None:
    with Proxy(database_url) as proxy:
        pool = Database(proxy.url)
        calls = CallService(pool, lambda: NOW)
        calls.record_update(replace(REPORT, vapi_call_id="before"))
        proxy.shut()
        calls.record_update(REPORT)
        calls.record_update(replace(REPORT, vapi_call_id="d"))
        assert database.fetch("SELECT vapi_call_id FROM calls") == [{"vapi_call_id": "before"}]
        proxy.open()
        until(lambda: len(database.fetch("SELECT 1 FROM calls WHERE status = 'ended'")) == 3, "both reports are stored")
        call = calls.get("c")
        assert call is not None
        assert call.transcript == "AI: hello"
        pool.close()


class FakeStore:
    """A store that accepts updates while it is open."""

    def __init__(self) -> None:
        self.stored: list[str] = []
        self.is_open = False
        self.poison = ""

    def store(self, update: CallUpdate, _: datetime) -> None:
        if not self.is_open:
            raise DatabaseUnavailable(reason="closed")
        if update.vapi_call_id == self.poison:
            raise ValueError(update)
        self.stored.append(update.vapi_call_id)


def test_updates_are_stored_once_in_order() -> None:
    store = FakeStore()
    queue = CallUpdateQueue(store.store, retry_interval_s=0.01)
    for number in range(5):
        queue.enqueue(replace(REPORT, vapi_call_id=str(number)), NOW)
    assert not queue.flush()
    store.is_open = True
    until(lambda: len(queue) == 0, "all are stored")
    assert store.stored == ["0", "1", "2", "3", "4"]
    store.is_open = False
    queue.enqueue(replace(REPORT, vapi_call_id="later"), NOW)
    store.is_open = True
    until(lambda: store.stored[-1] == "later", "a new thread stores it")


TEXTS = sorted(field.name for field in fields(CallUpdate) if "str" in str(field.type) and field.name != "vapi_call_id")


@pytest.mark.parametrize("name", TEXTS)
def test_full_queue_drops_the_oldest(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Every text counts, whichever field it is in: a summary may be as long as a transcript."""
    monkeypatch.setattr(retry_queue, "MAX_QUEUED_CHARS", 2_500)
    queue = CallUpdateQueue(FakeStore().store, retry_interval_s=HANG_S)
    with caplog.at_level(logging.ERROR):
        for call in "abc":
            texts: dict[str, Any] = {"vapi_call_id": call, name: "x" * 1_000}
            queue.enqueue(CallUpdate(**texts), NOW)
    assert len(queue) == 2
    assert [record.__dict__["call_id"] for record in caplog.records] == ["a"]


def test_unstorable_update_does_not_block_others(caplog: pytest.LogCaptureFixture) -> None:
    store = FakeStore()
    store.poison = "bad"
    queue = CallUpdateQueue(store.store, retry_interval_s=HANG_S)
    for name in ("bad", "good"):
        queue.enqueue(replace(REPORT, vapi_call_id=name), NOW)
    store.is_open = True
    assert queue.flush()
    assert store.stored == ["good"]
    assert [record.__dict__["call_id"] for record in caplog.records if record.levelno == logging.ERROR] == ["bad"]
