"""Records of tool calls that changed nothing are buffered, written in batches, and survive an outage."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import pytest

from peterental.calls import record_buffer
from peterental.calls.record_buffer import Record, RecordBuffer
from peterental.database.connect import DatabaseBusy, DatabaseUnavailable
from tests.servers import HANG_S, until


class FakeStore:
    """A store that keeps batches, or raises what it is set to."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.error: Exception | None = None
        self.refused = ""
        self.is_open = threading.Event()
        self.is_open.set()
        self.entered = threading.Event()

    def store(self, records: Sequence[Record]) -> None:
        self.entered.set()
        self.is_open.wait()
        if self.error is not None:
            raise self.error
        if any(record["tool_call_id"] == self.refused for record in records):
            raise ValueError("refused")
        self.batches.append([f"{record['tool_call_id']}: {record['answer']}" for record in records])


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def buffer(store: FakeStore) -> RecordBuffer:
    """A buffer whose thread writes only after the test has ended."""
    return RecordBuffer(store.store, write_interval_s=3600)


def record(tool_call_id: str, answer: str = "at nine", call_id: str = "c") -> Record:
    return {"vapi_call_id": call_id, "tool_call_id": tool_call_id, "answer": answer}


def test_records_are_written_by_a_thread(store: FakeStore) -> None:
    buffer = RecordBuffer(store.store, write_interval_s=0.01)
    for number in range(3):
        assert buffer.add(record(str(number)))
    until(lambda: sum(map(len, store.batches)) == 3, "all are written")
    assert [line for batch in store.batches for line in batch] == ["0: at nine", "1: at nine", "2: at nine"]


def test_records_that_wait_are_one_batch(store: FakeStore, buffer: RecordBuffer) -> None:
    for number in range(3):
        assert buffer.add(record(str(number)))
    assert (len(buffer), store.batches) == (3, [])
    assert buffer.flush()
    assert (len(buffer), store.batches) == (0, [["0: at nine", "1: at nine", "2: at nine"]])
    assert buffer.flush()
    assert len(store.batches) == 1, "nothing is written where nothing waits"


def test_latest_answer_to_a_tool_call_is_written(store: FakeStore, buffer: RecordBuffer) -> None:
    buffer.add(record("1", "at nine"))
    buffer.add(record("1", "at ten"))
    buffer.flush()
    assert store.batches == [["1: at ten"]]


@pytest.mark.parametrize("error", [DatabaseUnavailable(reason="closed"), DatabaseBusy(seconds=2)])
def test_outage_keeps_the_records(
    store: FakeStore, buffer: RecordBuffer, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store.error = error
    buffer.add(record("1", "at nine"))
    buffer.add(record("2"))
    assert not buffer.flush()
    buffer.add(record("1", "at ten"))
    assert not buffer.flush()
    assert caplog.messages == [f"The records of 2 tool calls wait until the database is back: {error}"]
    store.error = None
    assert buffer.flush()
    assert store.batches == [["1: at ten", "2: at nine"]]


def test_thread_tries_again_after_an_outage(store: FakeStore) -> None:
    buffer = RecordBuffer(store.store, write_interval_s=0.01, retry_interval_s=0.01)
    store.error = DatabaseUnavailable(reason="closed")
    buffer.add(record("1"))
    until(store.entered.is_set, "the first attempt is made")
    store.error = None
    until(lambda: store.batches == [["1: at nine"]], "the record is written")


def test_refused_record_does_not_block_others(
    store: FakeStore, buffer: RecordBuffer, caplog: pytest.LogCaptureFixture
) -> None:
    store.refused = "2"
    for number in range(4):
        buffer.add(record(str(number)))
    assert buffer.flush()
    assert store.batches == [["0: at nine"], ["1: at nine"], ["3: at nine"]]
    (line,) = caplog.records
    assert (line.levelname, line.message) == ("WARNING", "A tool call was answered but not recorded: refused")
    assert vars(line)["call_id"] == "c"


def test_full_buffer_takes_no_more(buffer: RecordBuffer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_buffer, "MAX_BUFFERED", 2)
    assert [buffer.add(record(str(number))) for number in range(3)] == [True, True, False]
    assert buffer.add(record("1", "at ten")), "a later answer takes the place of the earlier"
    assert len(buffer) == 2


def test_settling_writes_for_a_buffered_call_only(store: FakeStore, buffer: RecordBuffer) -> None:
    buffer.add(record("1", call_id="c"))
    buffer.add(record("2", call_id=""))
    buffer.settle("d")
    buffer.settle("")
    assert store.batches == []
    buffer.settle("c")
    assert store.batches == [["1: at nine", "2: at nine"]]


def test_settling_waits_for_a_write_that_has_begun(
    store: FakeStore, buffer: RecordBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.is_open.clear()
    buffer.add(record("1"))
    writer = threading.Thread(target=buffer.flush)
    writer.start()
    store.entered.wait()
    monkeypatch.setattr(record_buffer, "SETTLE_TIMEOUT_S", 0.01)
    buffer.settle("c")
    assert store.batches == [], "it does not wait forever"
    monkeypatch.undo()
    threading.Timer(0.05, store.is_open.set).start()
    buffer.settle("c")
    assert store.batches == [["1: at nine"]]
    writer.join()


def test_idle_thread_ends_and_another_follows(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_buffer, "IDLE_S", 0.01)
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_and_note(thread: threading.Thread) -> None:
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_and_note)
    buffer = RecordBuffer(store.store, write_interval_s=0.01)
    for number in range(2):
        buffer.add(record(str(number)))
        until(lambda: not started[-1].is_alive(), "the thread ends")
    assert len(started) == 2
    assert store.batches == [["0: at nine"], ["1: at nine"]]


def test_exit_writes_what_is_left(
    store: FakeStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    buffer = RecordBuffer(store.store, write_interval_s=3600)
    buffer.add(record("1"))
    buffer.add(record("2"))
    (leave,) = at_exit
    store.error = DatabaseUnavailable(reason="closed")
    leave()
    assert caplog.records[-1].levelno == logging.ERROR
    assert caplog.messages[-1] == "The records of 2 tool calls are lost with this process"
    store.error = None
    leave()
    assert store.batches == [["1: at nine", "2: at nine"]]


def test_a_later_answer_is_kept_when_an_earlier_one_is_put_back(store: FakeStore, buffer: RecordBuffer) -> None:
    """The first write fails while a second delivery of its tool call is answered."""
    store.error = DatabaseUnavailable(reason="it is down")
    store.is_open.clear()
    for tool_call_id in ("a", "b"):
        buffer.add(record(tool_call_id))
    writer = threading.Thread(target=buffer.flush)
    writer.start()
    assert store.entered.wait(HANG_S)
    buffer.add(record("c"))
    buffer.add(record("b", "at ten"))
    store.is_open.set()
    writer.join(HANG_S)
    store.error = None
    assert buffer.flush()
    assert store.batches == [["a: at nine", "b: at ten", "c: at nine"]]
