"""Send notices: each at most once, only while it is true, and not to those who said stop.

An attempt claims a notice, composes its letter from the present state, and gives it to the transport. Immediately
before the provider may have it, the hand-over is recorded, in a transaction that checks everything again. A process
that ends before that leaves a notice that is sent again; one that ends after it leaves an unknown one, which the
provider is asked about.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.database.connect import DatabaseUnavailable
from peterental.errors import PeteRentalError
from peterental.notices.channel_pauses import ChannelPauses
from peterental.notices.model import Letter, NoLongerTrue, NotSent, OptedOut
from peterental.notices.quiet_hours import quiet_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from uuid import UUID

    from peterental.database.pool import Database
    from peterental.notices.model import Channel, Composer, ConsentCheck, Delivery, Kind, Notice, Transport
    from peterental.notices.sending_repository import Claimed, SendingRepository

_log = logging.getLogger("peterental.notices")

CLAIM_LASTS = timedelta(minutes=3)
"""An attempt that began longer ago has ended with its process: every network call has a shorter limit."""

LOOK_UP_AFTER = timedelta(minutes=3)
"""What a provider does not have so long after the hand-over, it will not have."""

LEAVE_UNKNOWN_AFTER = timedelta(hours=1)
OVERDUE_AFTER = timedelta(minutes=2)
"""A notice that has been due for so long has lost its job."""

MAX_TEXTS = 40
TEXTS_COUNTED = timedelta(days=1)
"""A visitor's number is sent at most MAX_TEXTS in so long: a caller may give a stranger's number, and book and cancel
again and again."""

BATCH_SIZE = 200
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(minutes=15)
JITTER = 0.2
ELSEWHERE_WAIT = timedelta(minutes=1)
"""A process that cannot send a notice leaves it to others for so long."""

RECORD_ATTEMPTS = 5
RECORD_PAUSE_S = 2.0

NO_ANSWER = "The process that sent it ended before the provider answered"


class ClaimLost(NoLongerTrue):
    """Another attempt is sending it."""


class HeldForTheNight(NoLongerTrue):
    """The quiet hours have begun."""


@dataclass(frozen=True)
class LookUp:
    """What came of looking for unknown notices and lost attempts.

    Args:
        ended_claims: attempts whose processes were gone.
        found: letters that the provider has.
        missing: letters that it does not have, which are sent again.
        overdue: notices that had lost their jobs, and were sent.
    """

    ended_claims: int
    found: int
    missing: int
    overdue: int


class _Attempt:
    """One attempt to send a notice.

    Args:
        notice: which.
        composer: writes its letters.
        record: records that the provider may have a letter from now on.
    """

    def __init__(self, notice: Notice, composer: Composer, record: Callable[[Letter], None]) -> None:
        self._notice = notice
        self._composer = composer
        self._record = record
        self.letter: Letter | None = None
        self.is_handed_over = False

    def run(self, transport: Transport) -> Delivery:
        """Compose the letter and give it to a transport. Raises what either raises."""
        self.letter = self._composer.compose(self._notice)
        return transport.send(self.letter, self._hand_over)

    def _hand_over(self) -> None:
        assert self.letter is not None  # noqa: S101  # tells mypy
        self._record(self.letter)
        self.is_handed_over = True


class Sender:
    """Sends the notices of one database.

    Args:
        database: where they are stored.
        repository: of the notices.
        transports: returns what this process can send through, by channel; called at the first use.
        composers: write the letters.
        consents: knows who said stop.
        now: returns the present moment, aware.
        pause: waits for so many seconds; None for real time.
    """

    def __init__(  # noqa: PLR0917  # passed once, in services.py
        self,
        database: Database,
        repository: SendingRepository,
        transports: Callable[[], Mapping[Channel, Transport]],
        composers: Sequence[Composer],
        consents: ConsentCheck,
        now: Callable[[], datetime] = utc_now,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._database = database
        self._repository = repository
        self._open_transports = transports
        self._composers: dict[Kind, Composer] = {kind: composer for composer in composers for kind in composer.kinds}
        self._consents = consents
        self._now = now
        self._pause = pause or threading.Event().wait
        self._pauses = ChannelPauses()

    @cached_property
    def transports(self) -> Mapping[Channel, Transport]:
        """What this process can send through, by channel."""
        return self._open_transports()

    def send_of_appointment(self, appointment_id: int) -> None:
        """Send the notices of a viewing that are due, one after the other.

        What a provider or the quiet hours prevent is due again later. Raises only unexpected errors.
        """
        while (claimed := self._repository.claim_of_appointment(appointment_id, self._now())) is not None:
            self._send(claimed)

    def send(self, notice_id: int) -> None:
        """Send one notice, if it is due. As `send_of_appointment`."""
        claimed = self._repository.claim(notice_id, self._now())
        if claimed is not None:
            self._send(claimed)

    def look_up(self) -> LookUp:
        """End the claims of processes that are gone, ask providers for unknown letters, and send what lost its job."""
        now = self._now()
        ended = self._repository.end_claims(now - CLAIM_LASTS, now, reason=NO_ANSWER)
        found = missing = 0
        for notice, claim in self._repository.unknown(now - LOOK_UP_AFTER, BATCH_SIZE):
            came = self._look_for(notice, claim)
            found += came is True
            missing += came is False
        overdue = self._repository.overdue(now, OVERDUE_AFTER, BATCH_SIZE)
        for notice_id in overdue:
            self.send(notice_id)
        return LookUp(ended, found, missing, len(overdue))

    def _record_hand_over(self, claimed: Claimed, composer: Composer, letter: Letter) -> None:
        """Record that the provider may have a letter from now on, if it may be sent.

        In one transaction, which a change of the viewing or a stop precedes or follows. Raises NoLongerTrue.
        """
        notice, now = claimed.notice, self._now()
        if now >= notice.expires_at:
            raise NoLongerTrue(reason="It was too late for it")
        if _night_end(claimed, now) is not None:
            raise HeldForTheNight(reason="")
        with self._database.transaction() as connection:
            if notice.appointment_id is not None:
                sequence = self._repository.present_sequence(connection, notice.appointment_id)
                if sequence != notice.revision:
                    raise NoLongerTrue(reason="The viewing has changed since")
            may_be_stopped = notice.channel == "text" or notice.audience != "user"
            is_stopped = may_be_stopped and self._consents.is_stopped(connection, notice.channel, notice.recipient)
            if is_stopped and not notice.confirms_stop:
                raise NoLongerTrue(reason="The recipient said stop")
            if notice.channel == "text" and notice.audience == "visitor" and not notice.confirms_stop:
                sent = self._repository.texts_since(connection, notice.recipient, now - TEXTS_COUNTED)
                if sent >= MAX_TEXTS:
                    raise NoLongerTrue(reason=f"This number was sent {MAX_TEXTS} texts within a day")
            composer.require_true(connection, notice)
            if not self._repository.record_hand_over(connection, claimed, letter, now):
                raise ClaimLost(reason="")
            if notice.audience == "visitor" and notice.appointment_id is not None:
                self._consents.record_viewing(connection, notice)

    def _send(self, claimed: Claimed) -> None:
        """Send a claimed notice, or record why not."""
        notice, now = claimed.notice, self._now()
        if now >= notice.expires_at:
            self._expire(claimed, now)
            return
        transport, composer = self.transports.get(notice.channel), self._composers.get(notice.kind)
        if transport is None or composer is None:
            self._repository.put_off(claimed, now + ELSEWHERE_WAIT, None, counts=False)
        elif (until := _night_end(claimed, now)) is not None:
            self._hold(claimed, until)
        elif (until := self._pauses.until(notice.channel, now)) is not None:
            self._repository.put_off(claimed, until + ELSEWHERE_WAIT * random.random(), None, counts=False)  # noqa: S311 - no secret
        else:
            record = partial(self._record_hand_over, claimed, composer)
            self._attempt(claimed, _Attempt(notice, composer, record), transport)

    def _attempt(self, claimed: Claimed, attempt: _Attempt, transport: Transport) -> None:
        """Run an attempt and record what came of it."""
        notice = claimed.notice
        try:
            delivery = attempt.run(transport)
        except ClaimLost:
            return
        except HeldForTheNight:
            self._hold(claimed, _night_end(claimed, self._now()) or self._now())
        except NoLongerTrue as fault:
            self._repository.end(claimed, "suppressed", str(fault), self._now())
        except NotSent as fault:
            self._record_not_sent(claimed, fault)
        except Exception as error:
            self._record_interrupted(claimed, error, is_handed_over=attempt.is_handed_over)
            if not isinstance(error, PeteRentalError):
                raise
        else:
            self._pauses.record_answer(notice.channel)
            self._record_sent(notice.notice_id, claimed.claim, delivery)

    def _record_not_sent(self, claimed: Claimed, fault: NotSent) -> None:
        """Record that a provider refused a letter, or did not take it for now."""
        channel, now = claimed.notice.channel, self._now()
        if fault.is_final:
            self._pauses.record_answer(channel)
            self._repository.end(claimed, "failed", str(fault), now)
            if isinstance(fault, OptedOut):
                self._consents.record_opt_out(channel, claimed.notice.recipient, str(fault), now)
        else:
            self._pauses.record_failure(channel, now)
            self._repository.put_off(claimed, now + _wait(claimed.notice.attempts), str(fault), counts=True)

    def _record_interrupted(self, claimed: Claimed, error: Exception, *, is_handed_over: bool) -> None:
        """Record an attempt that ended without an answer, or by an error of ours."""
        reason, now = " ".join(str(error).split()) or type(error).__name__, self._now()
        _log.warning("Notice %s: %s", claimed.notice.notice_id, type(error).__name__)
        if is_handed_over:
            self._pauses.record_failure(claimed.notice.channel, now)
            self._repository.record_unknown(claimed, reason)
        else:
            self._repository.put_off(claimed, now + _wait(claimed.notice.attempts), reason, counts=True)

    def _record_sent(self, notice_id: int, claim: UUID, delivery: Delivery, *, is_found: bool = False) -> None:
        """Record that a letter was sent, also through a short outage of the database."""
        for _ in range(RECORD_ATTEMPTS - 1):
            try:
                self._repository.record_sent(notice_id, claim, delivery.provider_id, self._now(), is_found=is_found)
            except DatabaseUnavailable:
                self._pause(RECORD_PAUSE_S)
            else:
                return
        self._repository.record_sent(notice_id, claim, delivery.provider_id, self._now(), is_found=is_found)

    def _expire(self, claimed: Claimed, now: datetime) -> None:
        reason = claimed.notice.reason
        if reason is None:
            self._repository.end(claimed, "suppressed", "It was too late for it", now)
        else:
            self._repository.end(claimed, "failed", reason, now)

    def _hold(self, claimed: Claimed, until: datetime) -> None:
        """Hold a notice until the morning, if it is not too late then."""
        if until >= claimed.notice.expires_at:
            reason = "The quiet hours lasted until it was too late for it"
            self._repository.end(claimed, "suppressed", reason, self._now())
        else:
            self._repository.put_off(claimed, until, None, counts=False)

    def _look_for(self, notice: Notice, claim: UUID) -> bool | None:
        """Ask the provider for an unknown letter; return whether it has it, None if that stays unknown."""
        transport = self.transports.get(notice.channel)
        if transport is None or notice.handed_over_at is None:
            return None
        letter = Letter(
            channel=notice.channel, recipient=notice.recipient, body=notice.body or "", subject=notice.subject
        )
        try:
            delivery = transport.find(letter, notice.handed_over_at, self._repository.has_provider_id)
        except PeteRentalError as fault:  # it cannot be known, or not now
            _log.debug("Notice %s: %s", notice.notice_id, type(fault).__name__)
            if self._now() - notice.handed_over_at > LEAVE_UNKNOWN_AFTER:
                self._repository.leave_unknown(notice.notice_id, claim, self._now())
            return None
        if delivery is None:
            self._repository.send_after_all(notice.notice_id, claim, self._now())
            return False
        self._record_sent(notice.notice_id, claim, delivery, is_found=True)
        return True


def _night_end(claimed: Claimed, now: datetime) -> datetime | None:
    """Return when the quiet hours end that hold a notice; None if nothing holds it."""
    if claimed.notice.is_answer or claimed.zone is None:
        return None
    return quiet_until(now, claimed.zone, claimed.quiet_from, claimed.quiet_until)


def _wait(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts."""
    wait = min(FIRST_WAIT * 2.0 ** min(attempts - 1, 20), LONGEST_WAIT)
    return wait * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
