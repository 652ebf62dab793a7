"""Texts of visitors: store them, do what they ask for, answer, and pass on the rest.

A text is stored with what it is taken for before anything is done about it. A delivery that is repeated, or that
follows one whose process ended, finds that and finishes it: the viewing is changed once, answered once, and the agent
gets one message.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.appointments.model import AppointmentUnknown
from peterental.appointments.visitors.model import REINSTATE_WITHIN, ViewingChanged, ViewingEnded
from peterental.clock import utc_now
from peterental.messages.model import MessageDraft
from peterental.messages.repository import MessageRepository
from peterental.notices.consents.service import BY_TEXT
from peterental.notices.model import STOP_CONFIRMED, NewNotice
from peterental.notices.replies.answers import answer
from peterental.notices.replies.decisions import as_provider_took_it, decide
from peterental.notices.replies.repository import ReplyRepository
from peterental.notices.replies.understanding import understand
from peterental.notices.waitlist.model import EntryUnknown, OfferEnded
from peterental.plural import counted

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.appointments.model import Appointment
    from peterental.appointments.visitors.service import VisitorService
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.consents.service import Consents
    from peterental.notices.model import Language
    from peterental.notices.outbox import Outbox
    from peterental.notices.replies.model import Conversation, IncomingText, Outcome, Reply, TextedViewing
    from peterental.notices.replies.understanding import Understanding
    from peterental.notices.settings import NoticeSettingsService
    from peterental.notices.waitlist.service import WaitlistService

log = logging.getLogger(__name__)

CHANGES: frozenset[Outcome] = frozenset({"confirm", "cancel", "take_offer"})
PASSED_ON: frozenset[Outcome] = frozenset(
    {"message", "courtesy", "move", "which", "no_viewing", "offer_ended", "wrong_person"}
)
"""What the agent gets as a message."""
ABOUT_TEXTS: frozenset[Outcome] = frozenset({"stop", "start", "wrong_person"})
"""What is not about a viewing: it is answered whatever becomes of that."""
ANSWERED_BY_PROVIDER: frozenset[Outcome] = frozenset({"stop", "start", "help"})

ANSWER_WITHIN = timedelta(hours=6)
CONFIRM_STOP_WITHIN = timedelta(minutes=5)
"""A later confirmation of a stop would need a reason: 47 CFR 64.1200(a)(12)."""

MAX_ANSWERS = 20
"""So many texts of a number are answered in ANSWERS_COUNTED: two machines that answer each other come to an end."""
ANSWERS_COUNTED = timedelta(days=1)
ACKNOWLEDGED_FOR = timedelta(hours=12)
"""After an acknowledgement, further messages are passed on in silence for so long."""

MAX_OF_APPOINTMENT = 100
MAX_WITHOUT_VIEWING = 100


@dataclass(frozen=True)
class _Open:
    """A text about which something is to be done."""

    text: IncomingText
    understood: Understanding
    conversation: Conversation
    outcome: Outcome
    viewing: TextedViewing | None
    appointment_id: int | None


class ReplyService:
    """The texts of visitors of one database.

    Args:
        database: where they are stored.
        visitors: changes viewings for their visitors.
        waitlist: knows which times are held for whom.
        consents: records who said stop and start.
        outbox: takes the answers.
        settings: knows the name of the office.
        link_of: returns the visitor's link of a viewing, for the number that it is sent to.
        now: returns the present moment, aware.
    """

    def __init__(
        self,
        database: Database,
        *,
        visitors: VisitorService,
        waitlist: WaitlistService,
        consents: Consents,
        outbox: Outbox,
        settings: NoticeSettingsService,
        link_of: Callable[[int, str], str],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._replies = ReplyRepository(database)
        self._messages = MessageRepository(database)
        self._visitors = visitors
        self._waitlist = waitlist
        self._consents = consents
        self._outbox = outbox
        self._settings = settings
        self._link_of = link_of
        self._now = now

    def receive(self, text: IncomingText) -> None:
        """Do what a text asks for, answer it, and pass on what is for the agent. The same text twice is one.

        Raises what the database raises; the provider's next delivery then finishes it.
        """
        office = self._settings.get().office_name
        understood = understand(text.body)
        asks_for_change = understood.meaning in {"confirm", "agree"}
        entry_id = self._waitlist.offered_to(text.sender) if asks_for_change else None
        with self._database.transaction() as connection:
            found = self._open(connection, text, understood, has_offer=entry_id is not None)
            if found is None:
                return
            if found.outcome not in CHANGES:
                self._finish(connection, found, office)
                return
        changed = self._changed(found, entry_id)
        with self._database.transaction() as connection:
            self._replies.lock(connection, text.sender)
            stored = self._replies.stored(connection, text.provider_id)
            if stored is not None and not stored.is_done:
                self._finish(connection, changed, office)

    def of_appointment(self, appointment: Appointment) -> list[Reply]:
        """Return the newest texts about a viewing that the viewer may see, oldest first. One round trip."""
        return self._replies.of_appointment(appointment.appointment_id, MAX_OF_APPOINTMENT)

    def without_viewing(self, viewer: Viewer) -> list[Reply]:
        """Return the newest texts of numbers without a viewing, newest first. One round trip. Raises AdminsOnly."""
        require_admin(viewer)
        return self._replies.without_viewing(MAX_WITHOUT_VIEWING)

    def _open(
        self, connection: Connection, text: IncomingText, understood: Understanding, *, has_offer: bool
    ) -> _Open | None:
        """Store a text with what it is taken for; None if everything is done about it."""
        now = self._now()
        self._replies.lock(connection, text.sender)
        stored = self._replies.stored(connection, text.provider_id)
        if stored is not None and stored.is_done:
            return None
        conversation = self._replies.conversation(
            connection, text.sender, now, answered=ANSWERS_COUNTED, acknowledged=ACKNOWLEDGED_FOR
        )
        understood = as_provider_took_it(understood, text.answered_as, is_stopped=conversation.is_stopped)
        if stored is None:
            decision = decide(understood, conversation, now, has_offer=has_offer)
            outcome, viewing = decision.outcome, decision.viewing
            appointment_id = viewing.appointment_id if viewing else None
            self._replies.add(connection, text, outcome, appointment_id, now)
        else:
            outcome, appointment_id = stored.outcome, stored.appointment_id
            viewing = self._replies.viewing(connection, appointment_id) if appointment_id is not None else None
        return _Open(text, understood, conversation, outcome, viewing, appointment_id)

    # --- changes -----------------------------------------------------------------------------------------------------

    def _changed(self, found: _Open, entry_id: int | None) -> _Open:
        """Change what a text asks for, and return the outcome. Repeating it changes nothing more."""
        try:
            if found.outcome == "take_offer":
                return replace(found, appointment_id=self._waitlist.accept(entry_id or 0).appointment_id)
            change = self._visitors.confirm if found.outcome == "confirm" else self._visitors.cancel
            change(found.appointment_id or 0, found.viewing.start if found.viewing else None)
        except ViewingChanged:
            return replace(found, outcome="message")
        except (OfferEnded, EntryUnknown):
            return replace(found, outcome="offer_ended")
        except (ViewingEnded, AppointmentUnknown):
            return replace(found, outcome="no_viewing")
        return found

    # --- what follows ------------------------------------------------------------------------------------------------

    def _finish(self, connection: Connection, found: _Open, office: str) -> None:
        """Queue everything that follows from a text, once."""
        text, outcome, now = found.text, found.outcome, self._now()
        appointment_id = found.appointment_id
        viewing = self._replies.viewing(connection, appointment_id) if appointment_id is not None else None
        found = replace(found, viewing=viewing, appointment_id=viewing.appointment_id if viewing else None)
        if outcome in {"stop", "wrong_person"}:
            self._consents.stop(connection, "text", text.sender, how=BY_TEXT, words=text.body, at=now)
        elif outcome == "start":
            self._consents.start(connection, "text", text.sender, how=BY_TEXT, words=text.body, at=now)
        if outcome in PASSED_ON or (outcome == "stop" and found.understood.has_more):
            self._pass_on(connection, found, now)
        body = None if self._is_silent(connection, found) else self._answer(found, office, now)
        self._replies.finish(connection, text.provider_id, outcome, found.appointment_id, answer=body, now=now)
        if body is not None:
            self._outbox.add(connection, _notice(found, body, now))

    def _pass_on(self, connection: Connection, found: _Open, now: datetime) -> None:
        """Queue the message for the agent of the viewing."""
        viewing = found.viewing
        if viewing is None:
            log.warning("A text came from a number without a viewing; the outbox page shows it to admins")
            return
        self._messages.add(
            connection,
            viewing.agent_id,
            MessageDraft(
                body=_message_body(found.text, found.outcome),
                attendee_name=viewing.attendee_name,
                attendee_phone=found.text.sender,
            ),
            now,
            vapi_call_id=None,
            caller_number=None,
            appointment_id=viewing.appointment_id,
        )

    def _is_silent(self, connection: Connection, found: _Open) -> bool:
        """Return whether a text is not answered."""
        conversation, outcome, viewing = found.conversation, found.outcome, found.viewing
        if outcome == "courtesy" or (found.text.answered_as and outcome in ANSWERED_BY_PROVIDER):
            return True
        if conversation.is_stopped and outcome != "start":
            return True
        if outcome in ABOUT_TEXTS:
            return False
        if conversation.answers >= MAX_ANSWERS or (outcome == "message" and conversation.has_acknowledgement):
            return True
        # The notice of the change answers the visitor already.
        return (
            outcome in {"cancel", "take_offer"}
            and viewing is not None
            and self._replies.has_current_text(connection, viewing.appointment_id, found.text.sender, viewing.sequence)
        )

    def _answer(self, found: _Open, office: str, now: datetime) -> str:
        """Return the answer to a text."""
        outcome, viewing = found.outcome, found.viewing
        upcoming = found.conversation.upcoming(now)
        name, about = str(outcome), [viewing] if viewing else []
        if outcome in {"which", "move"} and len(upcoming) > 1:
            name, about = "which", upcoming
        elif outcome == "stop" and found.understood.speaks_of_cancelling and len(upcoming) == 1:
            name, about = "stop_booked", upcoming
        elif outcome == "no_viewing" and viewing is not None and _may_be_reinstated(viewing, now):
            name = "released"
        has_link = name == "released" or any(viewing.is_upcoming(now) for viewing in about)
        link_of = partial(self._link_for, found.text.sender) if has_link else _no_link
        return answer(name, _language(found), office, about, link_of)

    def _link_for(self, sender: str, appointment_id: int) -> str:
        return self._link_of(appointment_id, sender)


def _language(found: _Open) -> Language:
    return found.understood.language or (found.viewing.language if found.viewing else "en")


def _may_be_reinstated(viewing: TextedViewing, now: datetime) -> bool:
    released_at = viewing.released_at
    return released_at is not None and now < min(released_at + REINSTATE_WITHIN, viewing.start)


def _no_link(_: int) -> str:
    return ""


def _message_body(text: IncomingText, outcome: Outcome) -> str:
    """Return what the agent reads: the text, and what was done about it."""
    parts = [text.body.replace("\x00", "").strip()]
    if text.files:
        parts.append(f"({counted(text.files, 'file')} came with it; files are not kept.)")
    match outcome:
        case "stop":
            parts.append("(This number gets no more texts.)")
        case "wrong_person":
            parts.append("(A wrong number: it gets no more texts. The visitor has to be reached in another way.)")
        case "which":
            parts.append("(This number has several viewings. Nothing was changed; the visitor got their links.)")
        case "no_viewing":
            parts.append("(Nothing was changed: no upcoming viewing was found.)")
        case "offer_ended":
            parts.append("(Nothing was booked: the time that was offered is no longer held.)")
        case "move":
            parts.append("(The visitor got the link to choose another time.)")
        case _:
            pass
    return "\n".join(part for part in parts if part) or "(An empty text.)"


def _notice(found: _Open, body: str, now: datetime) -> NewNotice:
    """Return the answer as a notice. One about a viewing is true as long as that does not change."""
    is_stop = found.outcome in {"stop", "wrong_person"}
    viewing = found.viewing if found.outcome not in ABOUT_TEXTS else None
    return NewNotice(
        kind="reply",
        channel="text",
        audience="visitor",
        recipient=found.text.sender,
        about=f"{STOP_CONFIRMED if is_stop else 'text:'}{found.text.provider_id}",
        appointment_id=viewing.appointment_id if viewing else None,
        agent_id=found.viewing.agent_id if found.viewing else None,
        revision=viewing.sequence if viewing else 0,
        language=_language(found),
        is_answer=True,
        due_at=now,
        expires_at=now + (CONFIRM_STOP_WITHIN if is_stop else ANSWER_WITHIN),
        body=body,
    )
