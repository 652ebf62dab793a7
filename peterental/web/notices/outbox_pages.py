"""The outbox: what was, is and will be sent, with what result, and sending a failed notice again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.clock import utc_now
from peterental.config import config_of
from peterental.notices.model import NoticeFilter, NoticeNotOver, NoticeTooLate
from peterental.phone_numbers import normalise, region_of
from peterental.services import services_of
from peterental.web.notices import labels
from peterental.web.shell.query_params import QueryParams, utc_bounds
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.agents.model import AgentName

LAST_PAGE = 100
"""The last page that can be opened. The filters lead to older notices."""

COUNTED_DAYS = 7
MAX_BOOKING_DIGITS = 9


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of the outbox to the blueprint of the notices."""
    blueprint.add_url_rule("/outbox", view_func=outbox)
    blueprint.add_url_rule("/outbox/<int:notice_id>", view_func=letter)
    blueprint.add_url_rule("/outbox/<int:notice_id>/retry", view_func=retry, methods=["POST"])
    blueprint.add_app_template_filter(labels.recipient, "recipient_label")
    blueprint.add_app_template_filter(labels.number, "number_label")


def outbox() -> str:
    """List the notices, newest first, below counts of the last week.

    Runs four queries, and for admins one more on the first page.
    """
    viewer, services, config = current_viewer(), services_of(current_app), config_of(current_app)
    params = QueryParams(request.args)
    agents = services.agents.names(viewer, params.text("agent"))
    zone = config.office_zone
    wanted, chosen = parse_filter(params, agents, zone)
    page = params.page(LAST_PAGE)
    shows_strangers = viewer.is_admin and page == 1 and not chosen
    return render_template(
        "notices/outbox.html",
        strangers=services.replies.without_viewing(viewer) if shows_strangers else [],
        outcomes=labels.OUTCOMES,
        listing=services.notice_listing.listing(viewer, wanted, page=page),
        counts=services.notice_listing.counts(viewer, utc_now() - timedelta(days=COUNTED_DAYS)),
        ready=services.notice_channels.ready(),
        agents=agents,
        chosen=chosen,
        page=page,
        last_page=LAST_PAGE,
        counted_days=COUNTED_DAYS,
        warnings=params.warnings,
        zone=zone,
        now=utc_now(),
        **_labels(),
    )


def letter(notice_id: int) -> str:
    """Show one notice with its text. Runs one query."""
    notice = services_of(current_app).notice_listing.notice(notice_id, current_viewer())
    return render_template(
        "notices/letter.html", notice=notice, zone=config_of(current_app).office_zone, now=utc_now(), **_labels()
    )


def retry(notice_id: int) -> Response:
    """Send a failed or unknown notice again."""
    try:
        services_of(current_app).outbox.retry(notice_id, current_viewer())
    except NoticeNotOver as refusal:  # people press a button twice
        flash(str(refusal), "note")
    except NoticeTooLate as refusal:
        flash(str(refusal), "refused")
    else:
        flash("The notice is sent again.", "done")
    return redirect(url_for("notices.letter", notice_id=notice_id), 303)


def parse_filter(
    params: QueryParams, agents: Sequence[AgentName], zone: ZoneInfo
) -> tuple[NoticeFilter, dict[str, str]]:
    """Parse the filter of the list; an invalid parameter is ignored with a warning.

    Args:
        params: `q`, `agent`, `state`, `channel`, `kind`, `from` and `to` (days, both included).
        agents: the agents to choose from.
        zone: of the days.

    Returns the filter and its query parameters.
    """
    known = [agent.agent_id for agent in agents]
    agent_id = params.choice("agent", known, "There is no agent {}. The list shows all agents.") or ""
    state = params.choice("state", labels.STATES, "There is no state {}. It was ignored.")
    channel = params.choice("channel", labels.CHANNELS, "There is no channel {}. It was ignored.")
    kind = params.choice("kind", labels.KINDS, "There is no kind {}. It was ignored.")
    first, last = params.days()
    since, until = utc_bounds(first, last, zone)
    text, recipient, appointment_id = _searched_for(params, region_of(zone.key))
    chosen = {"q": text, "agent": agent_id, "state": state, "channel": channel, "kind": kind}
    days = {"from": first and first.isoformat(), "to": last and last.isoformat()}
    wanted = NoticeFilter(
        state=state,
        channel=channel,
        kind=kind,
        agent_id=agent_id,
        recipient=recipient,
        appointment_id=appointment_id,
        since=since,
        until=until,
    )
    return wanted, {name: value for name, value in (chosen | days).items() if value}


def _searched_for(params: QueryParams, region: str) -> tuple[str, str, int | None]:
    """Return `q`, with the recipient or booking number that it is; it is ignored with a warning if it is neither."""
    text = params.text("q")
    recipient, appointment_id = about(text, region)
    if text and not recipient and appointment_id is None:
        params.warnings.append(f"“{text[:40]}” is no number, e-mail address or booking number. It was ignored.")
        text = ""
    return text, recipient, appointment_id


def about(text: str, region: str) -> tuple[str, int | None]:
    """Return the recipient and the booking number that a search is for; at most one of them.

    Args:
        text: as entered.
        region: whose national form a phone number may have.
    """
    if "@" in text:
        return text, None
    number = normalise(text, region)
    if number is not None:
        return number, None
    digits = text.removeprefix("#")
    is_booking = digits.isascii() and digits.isdigit() and len(digits) <= MAX_BOOKING_DIGITS
    return "", int(digits) if is_booking else None


def _labels() -> dict[str, Any]:
    return {
        "kinds": labels.KINDS,
        "states": labels.STATES,
        "channels": labels.CHANNELS,
        "chips": labels.CHIPS,
    }
