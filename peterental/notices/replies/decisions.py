"""What is done about a text, from what it means and what is known about its number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.notices.replies.model import Conversation, Outcome, ToldViewing

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.notices.model import Kind
    from peterental.notices.replies.understanding import Understanding

ASKS_TO_CONFIRM: frozenset[Kind] = frozenset({"reminder_day", "waitlist_offer"})
"""After these texts, OK confirms."""
ASKS_WHETHER_COMING: frozenset[Kind] = frozenset({"reminder_day", "reminder_hours"})
"""After these texts, NO cancels."""


@dataclass(frozen=True)
class Decision:
    """What is done about a text.

    Args:
        outcome: what the text is taken for.
        viewing: the one that it is about; None if there is none.
    """

    outcome: Outcome
    viewing: ToldViewing | None


def decide(understood: Understanding, conversation: Conversation, now: datetime, *, has_offer: bool) -> Decision:
    """Return what is done about a text. A viewing is changed only if it is certain which one is meant.

    Args:
        understood: what the text means.
        conversation: what is known about its number.
        now: the present moment, aware.
        has_offer: whether a time is held for the number now.
    """
    upcoming = conversation.upcoming(now)
    newest = upcoming[0] if upcoming else next(iter(conversation.viewings), None)
    match understood.meaning:
        case "stop" | "start" | "help" | "wrong_person" | "courtesy" as plain:
            return Decision(plain, newest)
        case "confirm":
            return _confirmed(conversation, upcoming, newest, has_offer=has_offer)
        case "agree":
            is_asked = conversation.last_kind in ASKS_TO_CONFIRM
            if is_asked:
                return _confirmed(conversation, upcoming, newest, has_offer=has_offer)
            return Decision("courtesy", newest)
        case "cancel":
            return _of_one("cancel", upcoming, newest)
        case "decline":
            is_asked = conversation.last_kind in ASKS_WHETHER_COMING
            return _of_one("cancel", upcoming, newest) if is_asked else Decision("message", newest)
        case "move":
            return Decision("move" if upcoming else "message", newest)
        case _:
            return Decision("message", newest)


def _confirmed(
    conversation: Conversation, upcoming: list[ToldViewing], newest: ToldViewing | None, *, has_offer: bool
) -> Decision:
    if has_offer and (conversation.last_kind == "waitlist_offer" or not upcoming):
        return Decision("take_offer", newest)
    if conversation.last_kind == "waitlist_offer":
        # The offer is over: the answer is not meant for an older viewing.
        return Decision("no_viewing", newest)
    return _of_one("confirm", upcoming, newest)


def _of_one(outcome: Outcome, upcoming: list[ToldViewing], newest: ToldViewing | None) -> Decision:
    """Return a change of the only upcoming viewing.

    With several or none, nothing is changed, nor if it was changed after the newest text about it.
    """
    if len(upcoming) == 1:
        return Decision(outcome if upcoming[0].is_known else "message", upcoming[0])
    return Decision("which" if upcoming else "no_viewing", newest)
