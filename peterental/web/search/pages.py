"""The page that searches viewings, messages, calls, homes and agents at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, current_app, render_template, request

from peterental.appointments.listing.model import Filter
from peterental.calls.model import CallFilter
from peterental.clock import utc_now
from peterental.messages.model import MessageFilter
from peterental.properties.model import PropertyFilter
from peterental.search import MIN_CHARS
from peterental.services import services_of
from peterental.web.calls import labels
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.access import Viewer
    from peterental.services import Services

MAX_OF_KIND = 5
MAX_CHARS = 100


@dataclass(frozen=True)
class Found:
    """What was found of one kind.

    Args:
        kind: in the template.
        title: the heading.
        items: at most MAX_OF_KIND.
        has_more: whether the list behind `endpoint` has more.
        endpoint: of that list; `params` are its query parameters.
    """

    kind: str
    title: str
    items: Sequence[Any]
    has_more: bool
    endpoint: str
    params: dict[str, str]


def create_blueprint() -> Blueprint:
    """Return the blueprint of the search."""
    blueprint = Blueprint("search", __name__, template_folder="templates")
    blueprint.add_url_rule("/search", view_func=index)
    return blueprint


def index() -> str:
    """Search everything that the viewer may see. Runs six queries, none without words."""
    text = " ".join(QueryParams(request.args).text("q").split())[:MAX_CHARS].strip()
    is_short = len(text) < MIN_CHARS
    found = [] if is_short else _found(services_of(current_app), current_viewer(), text)
    return render_template(
        "search/index.html",
        text=text,
        is_short=is_short,
        least=MIN_CHARS,
        found=[each for each in found if each.items],
        labels=labels,
        now=utc_now(),
    )


def _found(services: Services, viewer: Viewer, text: str) -> list[Found]:
    """Return what was found of every kind, the most likely kind first."""
    viewings = services.listing.page(viewer, Filter(text=text))
    messages = services.messages.listing(viewer, MessageFilter(state="all", text=text))
    calls = services.calls.listing(viewer, CallFilter(text=text))
    homes = services.properties.list_page(viewer, PropertyFilter(text=text))
    agents = services.agents.listing(viewer, text=text)
    return [
        _of_kind("viewing", "Viewings", viewings.appointments, "appointments.index", {"q": text}),
        _of_kind("message", "Messages", messages.messages, "messages.index", {"q": text, "show": "all"}),
        _of_kind("call", "Calls", calls.calls, "calls.index", {"q": text}),
        _of_kind("home", "Homes", homes.homes, "homes.index", {"q": text}),
        _of_kind("agent", "Agents", agents.agents, "agents.index", {"q": text}),
    ]


def _of_kind(kind: str, title: str, items: Sequence[Any], endpoint: str, params: dict[str, str]) -> Found:
    return Found(kind, title, items[:MAX_OF_KIND], len(items) > MAX_OF_KIND, endpoint, params)
