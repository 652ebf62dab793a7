"""The tasks about homes: one viewing of a home at a time is switched on, and keys are computed again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peterental.access import Viewer
from peterental.config import Config
from peterental.database.pool import Database
from peterental.properties import repository
from peterental.properties import service as property_service
from peterental.properties.keys import keys_version, version_of
from peterental.properties.model import PropertyDetails, PropertySettings
from peterental.properties.repository import CollectingPosition
from peterental.services import Services
from peterental.worker.homes import COLLECT_HOME_VIEWINGS, HOME_TASKS, REFRESH_HOME_KEYS, defer_if_outdated
from peterental.worker.registry import TASKS
from peterental.worker.task import Interrupted, JobRun

if TYPE_CHECKING:
    from peterental.jobs.model import Job, JobState
    from peterental.worker.runner import JobWorker

ADMIN = Viewer(1, "office@example.com", is_admin=True)
ON, OFF = PropertySettings(one_viewing_at_a_time=True), PropertySettings()
TOMORROW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a few viewings and homes were many."""
    monkeypatch.setattr(property_service, "COLLECTED_AT_ONCE", 2)
    monkeypatch.setattr(property_service, "REFRESHED_AT_ONCE", 2)


@pytest.fixture
def homes(database: Database) -> list[int]:
    """Three homes."""
    rows = database.fetch("INSERT INTO properties (line1) VALUES ('1 Elm'), ('2 Elm'), ('3 Elm') RETURNING property_id")
    return [row["property_id"] for row in rows]


@pytest.fixture
def run_of(config: Config, database: Database, services: Services) -> Callable[..., JobRun]:
    """A function that returns an attempt, which is stopped or not."""

    def make(*, is_stopped: bool = False) -> JobRun:
        stop = threading.Event()
        if is_stopped:
            stop.set()
        return JobRun(args={}, config=config, database=database, services=services, stop=stop)

    return make


def book(database: Database, home: int, quarter: int, *, is_overbooked: bool = False, minutes: int = 30) -> int:
    """Store a confirmed viewing with an agent of its own, some quarters of an hour after TOMORROW; return its id."""
    start = TOMORROW + timedelta(minutes=15 * quarter)
    (row,) = database.fetch(
        """
        WITH agent AS (
            INSERT INTO agents (agent_id, agent_name) SELECT 'a' || (SELECT COUNT(*) FROM agents), 'A'
            RETURNING agent_id
        )
        INSERT INTO appointments (
            agent_id, property_id, property_address, attendee_name, start_time, end_time, overlap_allowed
        )
        SELECT agent_id, %s, 'x', 'y', %s, %s, %s FROM agent RETURNING id
        """,
        [home, start, start + timedelta(minutes=minutes), is_overbooked],
    )
    return int(row["id"])


def taken(database: Database) -> list[int]:
    """Return the viewings that keep others out of their homes."""
    rows = database.fetch("SELECT appointment_id FROM property_viewings ORDER BY appointment_id")
    return [row["appointment_id"] for row in rows]


def is_on(database: Database) -> bool:
    """Return whether viewings of one home are refused."""
    return bool(database.fetch("SELECT one_viewing_at_a_time FROM property_settings")[0]["one_viewing_at_a_time"])


def test_few_viewings_are_collected_at_once(database: Database, services: Services, homes: list[int]) -> None:
    first = book(database, homes[0], 0)
    services.properties.change_settings(ON, ADMIN)
    assert (is_on(database), taken(database)) == (True, [first])
    assert services.properties.settings().collecting_since is None


def test_job_collects_many_viewings_and_switches_on(
    database: Database,
    services: Services,
    homes: list[int],
    worker_of: Callable[..., JobWorker],
    jobs_in: Callable[[JobState], tuple[Job, ...]],
) -> None:
    """Until then nothing is refused; what is booked before then is kept, too."""
    first = [book(database, home, 0) for home in homes]
    services.properties.change_settings(ON, ADMIN)
    assert services.properties.settings() == ON, "that is what the page shows"
    assert not is_on(database)
    later = book(database, homes[0], 8)
    book(database, homes[0], 9)
    assert taken(database) == [later]
    (job,) = jobs_in("waiting")
    assert job.task == COLLECT_HOME_VIEWINGS.name
    worker_of(*HOME_TASKS).drain()
    assert (is_on(database), taken(database)) == (True, [*first, later])
    assert services.properties.settings().collecting_since is None
    with pytest.raises(psycopg.errors.ExclusionViolation), psycopg.connect(database.url) as connection:
        connection.execute(
            "UPDATE appointments SET start_time = start_time + INTERVAL '5 minutes', property_id = %s WHERE id = %s",
            [homes[1], first[0]],
        )


@given(
    viewings=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 12), st.booleans(), st.sampled_from([15, 30, 60, 120])),
        min_size=3,
        max_size=10,
    )
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_job_collects_what_is_collected_at_once(
    database: Database,
    services: Services,
    homes: list[int],
    run_of: Callable[..., JobRun],
    viewings: list[tuple[int, int, bool, int]],
) -> None:
    services.properties.change_settings(OFF, ADMIN)
    database.fetch("DELETE FROM appointments")
    for home, quarter, is_overbooked, minutes in viewings:
        book(database, homes[home], quarter, is_overbooked=is_overbooked, minutes=minutes)
    database.fetch("UPDATE property_settings SET one_viewing_at_a_time = TRUE")
    at_once = taken(database)
    services.properties.change_settings(OFF, ADMIN)
    assert taken(database) == []
    services.properties.change_settings(ON, ADMIN)
    COLLECT_HOME_VIEWINGS.run(run_of())
    assert (is_on(database), taken(database)) == (True, at_once)


def test_stopped_job_starts_again(
    database: Database, services: Services, homes: list[int], run_of: Callable[..., JobRun]
) -> None:
    first = [book(database, home, 0) for home in homes]
    services.properties.change_settings(ON, ADMIN)
    since = services.properties.settings().collecting_since
    assert since is not None
    services.properties._homes.collect_viewings(since, CollectingPosition(homes[0]), 1)  # a job that goes no further
    with pytest.raises(Interrupted):
        COLLECT_HOME_VIEWINGS.run(run_of(is_stopped=True))
    assert (is_on(database), taken(database)) == (False, first[:1])
    COLLECT_HOME_VIEWINGS.run(run_of())
    assert (is_on(database), taken(database)) == (True, first)
    COLLECT_HOME_VIEWINGS.run(run_of())  # a job that comes twice
    assert (is_on(database), taken(database)) == (True, first)


@pytest.mark.parametrize("again", [False, True])
def test_setting_that_changes_meanwhile_ends_the_job(
    database: Database, services: Services, homes: list[int], *, again: bool
) -> None:
    """Off, and perhaps on again: then another job begins from the start."""
    for home in homes:
        book(database, home, 0)
    services.properties.change_settings(ON, ADMIN)
    steps = iter(range(100))

    def goes_on() -> bool:
        if next(steps) == 4:
            services.properties.change_settings(OFF, ADMIN)
            if again:
                services.properties.change_settings(ON, ADMIN)
        return True

    assert services.properties.collect_viewings(goes_on)
    assert (is_on(database), taken(database)) == (False, [])
    assert (services.properties.settings() == ON) is again


def test_booking_of_one_home_does_not_hold_up_the_others(
    database: Database, services: Services, homes: list[int]
) -> None:
    """Nor do they hold it up, until all is collected."""
    first = [book(database, home, 0) for home in homes]
    services.properties.change_settings(ON, ADMIN)
    since = services.properties.settings().collecting_since
    assert since is not None
    with psycopg.connect(database.url) as booking:
        booking.execute("UPDATE appointments SET end_time = end_time + INTERVAL '1 minute' WHERE id = %s", [first[2]])
        for home in homes[:2]:
            services.properties._homes.collect_viewings(since, CollectingPosition(home), 5)  # waits for no one
    assert taken(database) == first


# --- keys ------------------------------------------------------------------------------------------------------------

KEYS = (
    "SELECT line1, number_key, street_key, unit_key, search_keys, keys_version, updated_at FROM properties ORDER BY 1"
)


def test_keys_of_another_release_are_computed_again(
    database: Database, services: Services, run_of: Callable[..., JobRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches. It is in conflict with no one's edit, and nothing of it is in the audit log."""
    for number in range(5):
        details = PropertyDetails(line1=f"{number} N Mt Vernon St", unit="2B", said_as=("The Gables",), city="Norman")
        services.properties.add(details, ADMIN)
    as_they_are = database.fetch(KEYS)
    assert not services.properties.has_outdated_keys()
    database.fetch("UPDATE properties SET street_key = 'old', search_keys = '{}', keys_version = NULL")
    database.fetch("UPDATE properties SET keys_version = 'earlier' WHERE line1 LIKE %s", ["1%"])
    audited = database.fetch("SELECT COUNT(*) AS number FROM audit_log")
    assert services.properties.has_outdated_keys()
    with pytest.raises(Interrupted):
        REFRESH_HOME_KEYS.run(run_of(is_stopped=True))
    REFRESH_HOME_KEYS.run(run_of())
    assert database.fetch(KEYS) == as_they_are
    assert database.fetch("SELECT COUNT(*) AS number FROM audit_log") == audited
    monkeypatch.setattr(repository, "keys_version", lambda: "the next release")
    assert services.properties.has_outdated_keys()
    REFRESH_HOME_KEYS.run(run_of())
    assert {row["keys_version"] for row in database.fetch(KEYS)} == {"the next release"}


def test_start_of_a_release_queues_the_job_once(
    database: Database, services: Services, jobs_in: Callable[[JobState], tuple[Job, ...]]
) -> None:
    services.properties.add(PropertyDetails(line1="1 Elm Street"), ADMIN)
    defer_if_outdated(services)
    assert jobs_in("waiting") == ()
    database.fetch("UPDATE properties SET keys_version = NULL")
    defer_if_outdated(services)
    defer_if_outdated(services)
    assert [job.task for job in jobs_in("waiting")] == [REFRESH_HOME_KEYS.name]


def test_start_goes_on_without_the_database(services: Services, database: Database) -> None:
    database.close()
    defer_if_outdated(services)


def test_version_of_keys_is_that_of_their_code(tmp_path: Path) -> None:
    files = [tmp_path / "usps.py", tmp_path / "streets.py"]
    for path in files:
        path.write_text("WORDS = ()", encoding="utf-8")
    before = version_of(files)
    assert version_of(reversed(files)) == before
    files[0].write_text("WORDS = ('Mount',)", encoding="utf-8")
    assert version_of(files) != before
    assert len(keys_version()) == len(before)


def test_worker_knows_the_tasks() -> None:
    assert set(HOME_TASKS) <= set(TASKS)
    assert REFRESH_HOME_KEYS.schedule is not None
