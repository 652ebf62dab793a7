"""The worker of background jobs of the lab: `python -m bench.chaos.notices.work [MECHANISM]`, with its settings.

It is that of production, with the periods of the lab. A mechanism that is named is switched off: a lab that finds
nothing then would prove nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import ModuleType

from flask.cli import main as flask

from bench.chaos.notices import periods
from peterental.database.connect import Connection
from peterental.notices import channel_pauses, reminders, sending, sending_repository
from peterental.notices.consents.service import Consents
from peterental.notices.letters import ViewingLetters
from peterental.notices.mail import smtp
from peterental.notices.model import Letter
from peterental.notices.replies.letters import ReplyLetters
from peterental.notices.sending_repository import Claimed, SendingRepository
from peterental.notices.texts import twilio
from peterental.notices.texts.twilio import TwilioTransport


def _shorten_periods() -> None:
    _set(
        sending,
        CLAIM_LASTS=periods.CLAIM_LASTS,
        LOOK_UP_AFTER=periods.LOOK_UP_AFTER,
        LEAVE_UNKNOWN_AFTER=periods.LEAVE_UNKNOWN_AFTER,
        OVERDUE_AFTER=periods.OVERDUE_AFTER,
        FIRST_WAIT=periods.FIRST_WAIT,
        LONGEST_WAIT=periods.LONGEST_WAIT,
        ELSEWHERE_WAIT=periods.ELSEWHERE_WAIT,
        RECORD_PAUSE_S=periods.RECORD_PAUSE_S,
    )
    _set(channel_pauses, FIRST_PAUSE=periods.FIRST_PAUSE, LONGEST_PAUSE=periods.LONGEST_PAUSE)
    _set(
        twilio,
        SEND_TIMEOUT_S=periods.EXCHANGE_S,
        FIND_TIMEOUT_S=periods.EXCHANGE_S,
        LISTED_AFTER=periods.LISTED_AFTER,
    )
    _set(smtp, SmtpTransport=partial(smtp.SmtpTransport, timeout_s=periods.EXCHANGE_S))
    near = [
        replace(each, due_before=periods.REMINDED_BEFORE[each.kind], settled_before=timedelta())
        for each in reminders.REMINDERS
    ]
    _set(reminders, REMINDERS=tuple(near))


def _set(module: ModuleType, **values: object) -> None:
    vars(module).update(values)


def _send_unchecked() -> None:
    """Do not look at the viewing again before the hand-over."""
    setattr(SendingRepository, "present_sequence", lambda *_: _Any())  # noqa: B010  # not the declared type
    for letters in (ViewingLetters, ReplyLetters):
        setattr(letters, "require_true", lambda *_: None)  # noqa: B010  # see above


def _resend_unknown() -> None:
    """Take it that the provider does not have an unknown letter."""
    for transport in (TwilioTransport, smtp.SmtpTransport):
        setattr(transport, "find", lambda *_: None)  # noqa: B010  # see above


def _ignore_stops() -> None:
    """Send to those who said stop."""
    setattr(Consents, "is_stopped", lambda *_: False)  # noqa: B010  # see above


def _share_claims() -> None:
    """Let an attempt claim and hand over what another one is sending."""
    waiting = "next.state = 'waiting' AND next.due_at <= %(now)s"
    shared = f"({waiting} OR next.state = 'sending' AND next.handed_over_at IS NULL)"
    queries = {name: query for name, query in vars(sending_repository).items() if name.startswith("_CLAIM")}
    _set(sending_repository, **{name: query.replace(waiting, shared) for name, query in queries.items()})
    setattr(SendingRepository, "record_hand_over", _hand_over_without_claim)  # noqa: B010  # see above


def _hand_over_without_claim(
    repository: SendingRepository, connection: Connection, claimed: Claimed, letter: Letter, now: datetime
) -> bool:
    del repository
    connection.execute(
        "UPDATE notices SET state = 'sending', handed_over_at = %s, subject = %s, body = %s WHERE notice_id = %s",
        (now, letter.subject, letter.body, claimed.notice.notice_id),
    )
    return True


class _Any:
    """Equal to everything."""

    __hash__ = None  # type: ignore[assignment]  # nothing looks for it

    def __eq__(self, other: object) -> bool:
        return True


MECHANISMS: Mapping[str, Callable[[], None]] = {
    "check": _send_unchecked,
    "look-up": _resend_unknown,
    "stop": _ignore_stops,
    "claim": _share_claims,
}
"""What can be switched off: the check before the hand-over, looking up what is unknown, stops, and claims."""


def main(mechanism: str = "") -> None:
    """Work until SIGTERM."""
    _shorten_periods()
    if mechanism:
        MECHANISMS[mechanism]()
    sys.argv = ["flask", "--app", "wsgi", "jobs-work"]
    flask()


if __name__ == "__main__":
    main(*sys.argv[1:])
