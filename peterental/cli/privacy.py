"""`flask calls-reduce`, `flask person-export` and `flask person-delete`: parse, call, print."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from flask import current_app

from peterental.access import Viewer
from peterental.cli.errors import report_errors
from peterental.config import config_of
from peterental.errors import Fault, Refusal
from peterental.phone_numbers import region_of
from peterental.plural import counted, plural
from peterental.privacy.model import described
from peterental.privacy.person import Person, PersonUnknown
from peterental.privacy.retention import BATCH_SIZE
from peterental.privacy.service import COMMAND_TIMEOUT_S
from peterental.services import services_of

if TYPE_CHECKING:
    from peterental.privacy.retention import Reduction

PROGRESS_STEP = 50 * BATCH_SIZE
"""Reduced calls between two lines of progress."""

_OPERATOR = Viewer(user_id=0, email="command line", is_admin=True)


class OutputExists(Refusal):
    """{path} exists. Name another file: an export is never written over one."""


class OutputNotWritable(Fault):
    """{path} cannot be written: {reason}."""


class NotConfirmed(Refusal):
    """Nothing was deleted. Without a terminal, --yes confirms the deletion."""


class Stopped(Refusal):
    """Stopped. What was reduced stays so, and the next run does the rest."""


@click.command("calls-reduce")
@click.option("--days", type=click.IntRange(1, 36_500), help="Reduce what is older; KEEP_CALLS_DAYS by default.")
@click.option("--dry-run", is_flag=True, help="Count what is due and change nothing.")
@report_errors
def calls_reduce(days: int | None, *, dry_run: bool) -> None:
    """Remove what was said from calls that are older than KEEP_CALLS_DAYS.

    Transcripts, summaries, links of recordings, callers' numbers and the tool calls' arguments and answers are removed;
    times, costs and outcomes stay. Messages that are done, and notices and texts that are over, are deleted. Run it
    once a day. It may be stopped at any moment, and run twice at once: the next run does what is left.

    Example: flask calls-reduce --dry-run
    """
    days = days or config_of(current_app).keep_calls_days
    if days is None:
        click.echo("KEEP_CALLS_DAYS is not set, so calls are kept. Nothing was changed.")
        return
    retention = services_of(current_app).retention
    age = counted(days, "day")
    if dry_run:
        due = retention.due(days)
        click.echo(f"Older than {age} and due: {_described(due)}. Nothing was changed.")
        return
    try:
        done = retention.reduce(days, report=_report_progress)
    except KeyboardInterrupt:
        raise Stopped from None
    click.echo(f"✅ Older than {age} and removed or reduced: {_described(done)}.")
    if done.open_messages:
        click.echo(
            f"{counted(done.open_messages, 'older message')} {plural(done.open_messages, 'is', 'are')} still open."
        )


def _report_progress(calls: int) -> None:
    if calls % PROGRESS_STEP == 0:
        click.echo(f"{calls} calls …", err=True)


def _described(reduction: Reduction) -> str:
    return ", ".join(
        (
            counted(reduction.calls, "call"),
            counted(reduction.tool_calls, "tool call without a call", "tool calls without a call"),
            counted(reduction.caller_numbers, "caller's number in a booking", "callers' numbers in bookings"),
            counted(reduction.messages, "message that is done", "messages that are done"),
            counted(reduction.notices, "notice or text", "notices and texts"),
        )
    )


@click.command("person-export")
@click.argument("number_or_email")
@click.option("--output", type=click.Path(dir_okay=False), help="A new file; standard output by default.")
@report_errors
def person_export(number_or_email: str, output: str | None) -> None:
    """Write everything that is stored about one person, as JSON.

    The person is known by a phone number in any spelling, or by an e-mail address. The export is recorded in the audit
    log, without either.

    Example: flask person-export "(405) 555-0142" --output person.json
    """
    text = services_of(current_app).persons.export(_person(number_or_email), _OPERATOR, timeout_s=COMMAND_TIMEOUT_S)
    if output is None:
        for part in text:
            sys.stdout.write(part)
        return
    _write(Path(output), text)
    click.echo(f"✅ Wrote {output}. It is readable by you only: delete it once the person has it.")


@click.command("person-delete")
@click.argument("number_or_email")
@click.option("--yes", is_flag=True, help="Do not ask.")
@report_errors
def person_delete(number_or_email: str, *, yes: bool) -> None:
    """Delete what is stored about one person, in one transaction, after showing it.

    Upcoming viewings are cancelled; viewings stay in the calendar without the visitor; calls are reduced; messages are
    deleted. The deletion is recorded in the audit log, without the number or the address.

    Example: flask person-delete ana.lima@example.com
    """
    persons, person = services_of(current_app).persons, _person(number_or_email)
    held = persons.find(person, _OPERATOR, timeout_s=COMMAND_TIMEOUT_S)
    if held.is_empty:
        raise PersonUnknown(person=person.value)
    click.echo(f"Stored about {person.value}: {', '.join(described(held.counts))}.")
    for booking in held.upcoming:
        start = booking.start.astimezone(booking.zone)
        click.echo(f"To be cancelled: {start:%Y-%m-%d %H:%M %Z}, {booking.attendee_name}, {booking.property_address}")
    confirmed = [booking.appointment_id for booking in held.upcoming]
    if not yes and not (sys.stdin.isatty() and click.confirm("Delete it? This cannot be undone.")):
        raise NotConfirmed
    done = persons.delete(person, _OPERATOR, confirmed, timeout_s=COMMAND_TIMEOUT_S)
    click.echo(f"✅ Deleted: {', '.join(described(done.counts))}.")


def _person(text: str) -> Person:
    return Person.parse(text, region_of(config_of(current_app).default_time_zone))


def _write(path: Path, text: Iterator[str]) -> None:
    """Write a new file that only its owner can read."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise OutputExists(path=path) from error
    except OSError as error:
        raise OutputNotWritable(path=path, reason=error.strerror) from error
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123  # a path would be opened again
        file.writelines(text)


COMMANDS = (calls_reduce, person_export, person_delete)
