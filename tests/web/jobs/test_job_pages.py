"""The page of background jobs: how the queue is doing, and retry and discard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from peterental.access import Viewer
from peterental.database.pool import Database
from peterental.jobs.model import JobRequest
from peterental.services import Services

if TYPE_CHECKING:
    from tests.web.conftest import Browser


@pytest.fixture
def failed(services: Services, database: Database) -> int:
    """The id of a failed job."""
    services.jobs.defer_once(JobRequest(task="sync_calendar", args={"calendar_id": 3, "name": "<b>x</b>"}))
    job_id = int(database.fetch("UPDATE procrastinate_jobs SET status = 'failed', attempts = 3 RETURNING id")[0]["id"])
    services.jobs.record_error(job_id, "The <i>calendar</i> does not answer.")
    return job_id


def test_page_shows_failed_jobs_with_the_reason(office: Browser, failed: int, queries: list[str]) -> None:
    queries.clear()
    text = " ".join(office.get("/jobs").text.split())
    assert len(queries) == 3  # the sign-in check, the status, the jobs
    assert 'Background jobs <span class="count">1 failed</span>' in text
    assert "<strong>Sync calendar</strong>" in text
    assert f"Job {failed} · name <bdi>&lt;b&gt;x&lt;/b&gt;</bdi> · calendar id <bdi>3</bdi>" in text
    assert "after 3 attempts" in text
    assert "The &lt;i&gt;calendar&lt;/i&gt; does not answer." in text
    assert "No worker is running" in text


def test_empty_queue_says_so(office: Browser, database: Database) -> None:
    database.fetch("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (NOW() - INTERVAL '2 hours')")
    text = office.get("/jobs").text
    assert "No open jobs" in text
    assert "None for 2 hours" in text
    assert "No jobs here" in office.get("/jobs?show=done").text
    assert "This page is empty" in office.get("/jobs?show=done&page=2").text
    assert "There is no state" in office.get("/jobs?show=odd").text


def test_waiting_job_shows_its_next_attempt(office: Browser, services: Services, database: Database) -> None:
    services.jobs.defer_once(JobRequest(task="note"))
    database.fetch("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert "the oldest for " in office.get("/jobs").text
    database.fetch("UPDATE procrastinate_jobs SET scheduled_at = NOW() + INTERVAL '1 hour'")
    text = office.get("/jobs?show=waiting").text
    assert "Next attempt" in text
    assert "1 running" in text


def test_retry_and_discard(office: Browser, failed: int, services: Services, admin: Viewer) -> None:
    assert "The job runs again." in office.send(f"/jobs/{failed}/retry", at="/jobs", follow=True).text
    token = office.token("/jobs")
    assert "The job was discarded." in office.post(f"/jobs/{failed}/discard", csrf_token=token, follow=True).text
    assert [job.state for job in services.jobs.listing(admin, ("discarded",)).jobs] == ["discarded"]
    assert "nothing was changed" in office.post(f"/jobs/{failed}/discard", csrf_token=token, follow=True).text


def test_agents_see_no_jobs(anas: Browser, failed: int) -> None:
    assert anas.get("/jobs").status_code == 403
    token = anas.token("/account")
    assert anas.post(f"/jobs/{failed}/discard", csrf_token=token).status_code == 403


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("2026-11-30T11:30:29.371058+00:00", "</time>"),
        ("2026-11-30", "<bdi>2026-11-30</bdi>"),
        ("2026-11-30T11:30", "<bdi>2026-11-30T11:30</bdi>"),
        ("9999-12-31T23:59:59+00:00", "<bdi>9999-12-31T23:59:59+00:00</bdi>"),
        ("To be done", "<bdi>To be done</bdi>"),
    ],
)
def test_moments_that_a_job_is_about_are_shown_as_such(
    office: Browser, services: Services, value: str, shown: str
) -> None:
    services.jobs.defer_once(JobRequest(task="note", args={"asked_at": value}))
    about = " ".join(office.get("/jobs").text.split()).partition("asked at ")[2].partition("</span>")[0]
    assert shown in about
    assert about.startswith("<time") == (shown == "</time>")
