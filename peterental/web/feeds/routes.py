"""`/feeds/<token>.ics`: an agent's viewings, for programs that know the secret address."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request

from peterental.appointments.calendar_events.feed_service import FeedUnknown, FetchedTooOften
from peterental.errors import Fault
from peterental.services import services_of

RETRY_AFTER_S = 60
_PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


def create_blueprint() -> Blueprint:
    """Return the blueprint of the feeds."""
    blueprint = Blueprint("feeds", __name__)
    blueprint.add_url_rule("/feeds/<token>.ics", view_func=show)
    return blueprint


def show(token: str) -> Response:
    """Return the viewings as iCalendar data, or 304 where the program has them already."""
    try:
        feed = services_of(current_app).feeds.fetch(token)
    except FeedUnknown as refusal:
        return Response(f"{refusal}\n", 404, _PLAIN)
    except FetchedTooOften as refusal:
        return Response(f"{refusal}\n", 429, _PLAIN | {"Retry-After": str(RETRY_AFTER_S)})
    except Fault:
        # The programs keep what they have and ask again.
        return Response(
            "The calendar cannot be read at the moment.\n", 503, _PLAIN | {"Retry-After": str(RETRY_AFTER_S)}
        )
    response = Response(feed.text, content_type="text/calendar; charset=utf-8")
    response.set_etag(feed.etag)
    if feed.changed_at is not None:
        response.last_modified = feed.changed_at
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response
