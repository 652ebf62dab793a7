"""What is done about a text, from what it means and what is known about its number. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from peterental.notices.replies.model import Conversation, Outcome, TextedViewing

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.notices.model import Kind
    from peterental.notices.replies.understanding import Meaning, Understanding

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
    viewing: TextedViewing | None


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
    named = [viewing for viewing in upcoming if viewing.is_on(understood.days, now)]
    match _asked(understood.meaning, conversation):
        case "confirm" | "cancel" if upcoming and not named and conversation.last_kind != "waitlist_offer":
            return Decision("message", newest)  # of another day than the visitor has in mind
        case "confirm":
            return _confirmed(conversation, named, newest, has_offer=has_offer)
        case "cancel":
            return _of_one("cancel", named, newest)
        case "move" if not upcoming:
            return Decision("message", newest)
        case outcome:
            return Decision(outcome, newest)


def as_provider_took_it(
    understood: Understanding, answered_as: Literal["stop", "start", "help"] | None, *, is_stopped: bool
) -> Understanding:
    """Return what a text means, given what the provider took it for.

    After a stop the provider refuses every text to the number, whatever word it was. What it takes for a start, such as
    YES, means that only from a number that said stop.
    """
    if answered_as == "stop" and understood.meaning != "stop":
        return replace(understood, meaning="stop")
    if answered_as == "start" and is_stopped:
        return replace(understood, meaning="start")
    return understood


def _asked(meaning: Meaning, conversation: Conversation) -> Outcome:
    """Return what a text asks for: OK and NO are answers only to texts that ask."""
    if meaning == "agree":
        return "confirm" if conversation.last_kind in ASKS_TO_CONFIRM else "courtesy"
    if meaning == "decline":
        return "cancel" if conversation.last_kind in ASKS_WHETHER_COMING else "message"
    return meaning


def _confirmed(
    conversation: Conversation, upcoming: list[TextedViewing], newest: TextedViewing | None, *, has_offer: bool
) -> Decision:
    if has_offer and (conversation.last_kind == "waitlist_offer" or not upcoming):
        return Decision("take_offer", newest)
    if conversation.last_kind == "waitlist_offer":
        # The offer is over: the answer is not meant for an older viewing.
        return Decision("offer_ended", newest)
    return _of_one("confirm", upcoming, newest)


def _of_one(outcome: Outcome, upcoming: list[TextedViewing], newest: TextedViewing | None) -> Decision:
    """Return a change of the only upcoming viewing.

    With several or none, nothing is changed, nor if it was changed after the newest text about it.
    """
    if len(upcoming) == 1:
        return Decision(outcome if upcoming[0].is_known else "message", upcoming[0])
    return Decision("which" if upcoming else "no_viewing", newest)
