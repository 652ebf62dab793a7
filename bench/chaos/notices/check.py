"""Judge every letter that the servers took by the history in the database, and every notice by what they took."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import psycopg

from bench.chaos.notices.journal import Journal
from bench.chaos.notices.mail import TakenMail
from bench.chaos.notices.periods import TAKEN_WITHIN
from bench.chaos.notices.record import HandOver, NoticeRow, hand_overs, notices
from bench.chaos.notices.reports import FORBIDDEN, Report
from bench.chaos.notices.texts import TakenText
from bench.chaos.notices.visitors import Visitor
from peterental.notices.model import STOP_CONFIRMED

NOON = 12
FAILED = frozenset({"undelivered", "failed", "canceled"})
SENT = frozenset({"sent", "delivered"})
OVER = frozenset({"failed", "unknown", "suppressed"})
NO_CONTENT = 204
TOLD: Final = ("booked", "moved", "cancelled", "reopened")
"""The events that visitors are told of at once."""

ANSWERS: Final = frozenset({"reply"})


@dataclass
class Taken:
    """A letter that a server took, and the hand-over that it came from; None for none."""

    letter: TakenMail | TakenText
    hand_over: HandOver | None

    @property
    def is_in_time(self) -> bool:
        """Whether it was taken so soon that a look-up finds it."""
        return self.hand_over is None or self.letter.at - self.hand_over.at < TAKEN_WITHIN

    @property
    def body(self) -> str:
        """What a person reads."""
        return self.letter.text if isinstance(self.letter, TakenMail) else self.letter.body


@dataclass
class NoticeCheck:
    """Finds every violated guarantee, once everything is settled.

    Args:
        connection: to the database.
        mails, texts: what the servers took.
        reports: what Twilio reported.
        visitors: by number.
        journal: what happened at the servers.
        zone: of the agents.

    Attributes:
        figures: what was compared.
    """

    connection: psycopg.Connection[Any]
    mails: Sequence[TakenMail]
    texts: Sequence[TakenText]
    reports: Sequence[Report]
    visitors: dict[str, Visitor]
    journal: Journal
    zone: ZoneInfo
    figures: Counter[str] = field(default_factory=Counter)
    _hand_overs: list[HandOver] = field(init=False)
    _of_notice: dict[int, list[HandOver]] = field(init=False)

    def __post_init__(self) -> None:
        self._hand_overs, self._of_notice = hand_overs(self.connection), defaultdict(list)
        for each in self._hand_overs:
            self._of_notice[each.notice_id].append(each)

    def violations(self) -> list[str]:
        """Return the violations, each with the story of its notice."""
        rows = {row.notice_id: row for row in notices(self.connection)}
        taken = [*self._taken_mails(), *self._taken_texts()]
        of_notice: dict[int, list[Taken]] = defaultdict(list)
        for each in taken:
            if each.hand_over is not None:
                of_notice[each.hand_over.notice_id].append(each)
        broken = [*self._letters(taken), *self._notices(rows, of_notice)]
        stories = [f"{sentence}{self._story(rows.get(number))}" for number, sentence in broken]
        self._count(rows, taken)
        return [*stories, *self._events(), *self._reports(rows), *self._consents()]

    # --- letters -----------------------------------------------------------------------------------------------------

    def _taken_mails(self) -> Iterator[Taken]:
        """Yield each mail with the last hand-over of its notice before it."""
        for mail in self.mails:
            before = [each for each in self._of_notice.get(mail.notice_id or 0, []) if each.at <= mail.at]
            yield Taken(mail, before[-1] if before else None)

    def _taken_texts(self) -> Iterator[Taken]:
        """Yield each text with its hand-over: the last one of these words to this number that has no text yet."""
        waiting: dict[tuple[str, str], list[HandOver]] = defaultdict(list)
        for each in self._hand_overs:
            if each.channel == "text":
                waiting[each.recipient, each.body].append(each)
        for text in sorted(self.texts, key=lambda text: text.at):
            found = [each for each in waiting[text.recipient, text.body] if each.at <= text.at]
            if found:
                waiting[text.recipient, text.body].remove(found[-1])
            yield Taken(text, found[-1] if found else None)

    def _letters(self, taken: Sequence[Taken]) -> Iterator[tuple[int, str]]:
        """Yield what is wrong with single letters, by the id of the notice."""
        for each in taken:
            hand_over, what = each.hand_over, f"{each.letter.recipient} was told {each.body[:60]!r} at {each.letter.at}"
            if hand_over is None:
                yield 0, f"{what} without a hand-over"
                continue
            number = hand_over.notice_id
            for reason in self._untrue(each, hand_over):
                yield number, f"notice {number}: {what}, but {reason}"
            if self._said_stop(hand_over):
                yield number, f"notice {number}: {what}, after a stop"

    def _untrue(self, taken: Taken, hand_over: HandOver) -> Iterator[str]:
        """Yield why a letter was not true when it was handed over."""
        if hand_over.at >= hand_over.expires_at:
            yield "it was too late for it"
        if hand_over.appointment_id is None:
            return
        if hand_over.sequence != hand_over.revision:
            yield f"the viewing had changed: {hand_over.revision} is now {hand_over.sequence}"
        if hand_over.kind in ANSWERS:
            return
        expected = "cancelled" if hand_over.kind.endswith("cancelled") else "confirmed"
        if hand_over.status != expected:
            yield f"the viewing was {hand_over.status}"
        if hand_over.start_time is not None and _clock(hand_over.start_time, self.zone) not in taken.body:
            yield f"the viewing was at {hand_over.start_time}"
        if hand_over.home is not None and hand_over.home not in taken.body:
            yield f"the viewing was of {hand_over.home}"
        if isinstance(taken.letter, TakenMail) and hand_over.kind in {"booked", "moved", "cancelled"}:
            method = "CANCEL" if expected == "cancelled" else "REQUEST"
            if taken.letter.method != method:
                yield f"its invitation is {taken.letter.method or 'missing'} in place of {method}"

    def _said_stop(self, hand_over: HandOver) -> bool:
        """Return whether a text was handed over after a stop, by the database or by the visitor's own watch."""
        if hand_over.channel != "text" or hand_over.about.startswith(STOP_CONFIRMED):
            return False
        visitor = self.visitors.get(hand_over.recipient)
        said = visitor.said if visitor is not None else []
        heard = [each for each in said if each.answered_at < hand_over.at]
        is_starting = any(each.command == "start" and each.asked_at < hand_over.at < each.answered_at for each in said)
        return hand_over.is_stopped or (bool(heard) and heard[-1].command == "stop" and not is_starting)

    # --- notices -----------------------------------------------------------------------------------------------------

    def _notices(self, rows: dict[int, NoticeRow], taken: dict[int, list[Taken]]) -> Iterator[tuple[int, str]]:
        """Yield what is wrong with single notices, by id."""
        for number, row in rows.items():
            reported = {each.status for each in self.reports if each.sid == row.provider_id and _counts(each)}
            sentence = self._wrong(row, taken.get(number, []), reported)
            if sentence is not None:
                yield number, f"notice {number} ({row.kind} by {row.channel} to {row.recipient}) {sentence}"

    def _wrong(self, row: NoticeRow, taken: list[Taken], reported: set[str]) -> str | None:  # noqa: PLR0911  # one for each
        times = sum(each.is_in_time for each in taken)
        if row.ended_at is None:
            return f"is {row.state} at the end"
        if times > 1:
            return f"was told {times} times"
        if row.state in SENT and not taken:
            return "is sent, but the provider never took it: it is lost"
        if row.state in OVER and not row.reason:
            return f"is {row.state} without a reason"
        if row.state == "suppressed" and times:
            return "is suppressed, but the provider took it"
        if row.state == "failed" and times and not reported & FAILED:
            return "is failed, but the provider took it"
        if row.state == "suppressed" and not self._may_be_suppressed(row):
            return f"is suppressed though it was true: {row.reason}"
        return None

    def _may_be_suppressed(self, row: NoticeRow) -> bool:
        has_changed = row.appointment_id is not None and row.sequence != row.revision
        was_stopped = row.channel == "text" and self._was_ever_stopped(row.recipient)
        is_late = row.ended_at is not None and row.ended_at >= row.expires_at
        return has_changed or was_stopped or is_late

    def _was_ever_stopped(self, number: str) -> bool:
        query = "SELECT 1 FROM contact_consents WHERE recipient = %s AND purpose = 'all'"
        return self.connection.execute(query, [number]).fetchone() is not None

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _events(self) -> Iterator[str]:
        """Yield the changes of viewings that no notice was written for."""
        query = """
            SELECT event.appointment_id, channel, COUNT(*),
                   (SELECT COUNT(*) FROM notices
                    WHERE notices.appointment_id = event.appointment_id AND notices.channel = way.channel
                        AND audience = 'visitor' AND notices.kind IN ('booked', 'moved', 'cancelled'))
            FROM appointment_events AS event
            JOIN appointments ON appointments.id = event.appointment_id AND attendee_email <> ''
            CROSS JOIN (VALUES ('email'), ('text')) AS way (channel)
            WHERE event.kind = ANY (%s)
            GROUP BY 1, 2
        """
        for number, channel, events, written in self.connection.execute(query, [list(TOLD)]):
            self.figures["changes"] += events
            if events != written:
                yield f"viewing {number} changed {events} times, and {written} notices by {channel} were written"

    def _reports(self, rows: dict[int, NoticeRow]) -> Iterator[str]:
        """Yield the notices whose state is not what was reported, and forged reports that counted."""
        statuses: dict[str, set[str]] = defaultdict(set)
        for each in self.reports:
            self.figures["reports"] += 1
            if each.is_forged and each.answered != FORBIDDEN:
                yield f"a forged report on {each.sid} was answered {each.answered}"
            elif _counts(each):
                statuses[each.sid].add(each.status)
        for row in rows.values():
            reported = statuses.get(row.provider_id or "", set())
            expected = "failed" if reported & FAILED else "delivered" if "delivered" in reported else "sent"
            if row.provider_id is not None and row.channel == "text" and row.state != expected:
                yield f"notice {row.notice_id} is {row.state}, but {sorted(reported)} was reported{self._story(row)}"
        of_sid: dict[str, list[NoticeRow]] = defaultdict(list)
        for row in rows.values():
            of_sid[row.provider_id or ""].append(row)
        for sid, found in of_sid.items():
            if sid and len(found) > 1:
                yield f"{sid} is the text of {len(found)} notices{''.join(map(self._story, found))}"

    def _consents(self) -> Iterator[str]:
        """Yield the visitors whose last word was stop, and who are not stopped."""
        query = "SELECT recipient FROM contact_consents WHERE purpose = 'all' AND revoked_at IS NOT NULL"
        stopped = {row[0] for row in self.connection.execute(query)}
        for number, visitor in self.visitors.items():
            self.figures["stops"] += sum(each.command == "stop" for each in visitor.said)
            if visitor.is_stopped and number not in stopped:
                yield f"{number} said stop, and is not stopped"

    def _count(self, rows: dict[int, NoticeRow], taken: Sequence[Taken]) -> None:
        self.figures["notices"] = len(rows)
        self.figures["hand-overs"] = len(self._hand_overs)
        self.figures["mails"] = sum(isinstance(each.letter, TakenMail) for each in taken)
        self.figures["texts"] = len(taken) - self.figures["mails"]
        self.figures["taken too late for the lab"] = sum(not each.is_in_time for each in taken)
        self.figures.update(row.state for row in rows.values())
        self.figures["reminders"] = sum(row.kind.startswith("reminder") for row in rows.values())
        query = "SELECT COUNT(DISTINCT notice_id) FROM chaos_states WHERE state = 'unknown'"
        (self.figures["unknown for a while"],) = self.connection.execute(query).fetchone() or (0,)

    def _story(self, row: NoticeRow | None) -> str:
        """Return everything that happened to a notice, one line each, in the order of time."""
        if row is None:
            return ""
        lines = [*self._states(row), *self._handed_over(row), *self._changes(row), *self._words(row.recipient)]
        bodies = {each.body for each in self._of_notice[row.notice_id]}
        ids = {mail.message_id for mail in self.mails if mail.recipient == row.recipient}
        ours = {each for each in ids if each.startswith(f"<notice-{row.notice_id}.")}
        lines += [(each.at, f"{each.where}: {each.what}") for each in self.journal.about(row.recipient, *bodies, *ours)]
        return "".join(f"\n     {at:%H:%M:%S.%f}  {what}" for at, what in sorted(lines))

    def _states(self, row: NoticeRow) -> Iterator[tuple[datetime, str]]:
        query = "SELECT at, state, reason, attempts, claim FROM chaos_states WHERE notice_id = %s"
        for at, state, reason, attempts, claim in self.connection.execute(query, [row.notice_id]):
            claimed = f", claim {str(claim)[:8]}" if claim else ""
            yield at, f"outbox: {state}{claimed}, attempt {attempts}{f': {reason}' if reason else ''}"

    def _handed_over(self, row: NoticeRow) -> Iterator[tuple[datetime, str]]:
        for each in self._of_notice[row.notice_id]:
            state = f"viewing {each.sequence} ({each.status} at {each.start_time})" if each.appointment_id else ""
            stopped = ", stopped" if each.is_stopped else ""
            yield each.at, f"hand-over of revision {each.revision}; {state}{stopped}: {each.body[:80]!r}"

    def _changes(self, row: NoticeRow) -> Iterator[tuple[datetime, str]]:
        query = "SELECT happened_at, kind, actor, new_start FROM appointment_events WHERE appointment_id = %s"
        for at, kind, actor, start in self.connection.execute(query, [row.appointment_id]):
            yield at, f"viewing {row.appointment_id}: {kind} by {actor}{f' to {start}' if start else ''}"

    def _words(self, number: str) -> Iterator[tuple[datetime, str]]:
        visitor = self.visitors.get(number)
        for each in visitor.said if visitor is not None else ():
            yield each.asked_at, f"visitor: {each.command}, answered at {each.answered_at:%H:%M:%S.%f}"


def _counts(report: Report) -> bool:
    return not report.is_forged and report.answered == NO_CONTENT


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    """Return a time as people write it: `2:30 PM`."""
    local = moment.astimezone(zone)
    return f"{local.hour % NOON or NOON}:{local.minute:02} {'AM' if local.hour < NOON else 'PM'}"
