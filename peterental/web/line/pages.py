"""Pages of lines: connect the account, give an agent a line, compare, write, play a test call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.clock import utc_now
from peterental.config import config_of
from peterental.errors import Forbidden, Refusal
from peterental.line import desired
from peterental.line.composition import LineServices, line_services_of, target_of, webhook_url
from peterental.line.drift import chosen_ids
from peterental.line.model import (
    STEPS,
    AddressNotPublic,
    AssistantInUse,
    FirstMessageInvalid,
    IdInvalid,
    NameInvalid,
    SecretMissing,
    VapiTrouble,
)
from peterental.line.test_call import PlayedCall, play_test_call
from peterental.services import Services, services_of
from peterental.voice.tool_registry import tools_json
from peterental.web.calls.labels import format_response_time
from peterental.web.line import sharing_pages
from peterental.web.line.forms import ChooseForm, KeyForm
from peterental.web.shell.answers import Answer
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.provider_places import provider_place
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from peterental.access import Viewer
    from peterental.agents.model import Agent
    from peterental.config import Config
    from peterental.line.model import Account
    from peterental.line.set_up_service import AccountOverview

STEP_LABELS = {
    "assistant": "The assistant exists on Vapi",
    "tools": "It has the tools, the address of this server, and the rules of speech",
    "agent": "The agent here knows its assistant and number",
    "number": "The number rings the assistant",
}

MAX_VERSION_CHARS = 60

INVALID_CHOICES = (IdInvalid, NameInvalid, FirstMessageInvalid, AssistantInUse)
INVALID_CHOICES_AT: Mapping[type[Refusal], str] = {
    NameInvalid: "name",
    FirstMessageInvalid: "first_message",
    AssistantInUse: "assistant",
}
"""The field at which each refusal is shown."""


def create_blueprint() -> Blueprint:
    """Return the blueprint of the pages."""
    blueprint = Blueprint("line", __name__, template_folder="templates")
    blueprint.add_url_rule("/line", view_func=index)
    blueprint.add_url_rule("/line/connect", view_func=connect, methods=["POST"])
    blueprint.add_url_rule("/line/disconnect", view_func=disconnect, methods=["GET", "POST"])
    page = "/agents/<path:agent_id>/line"
    blueprint.add_url_rule(page, view_func=show)
    blueprint.add_url_rule(page, view_func=choose, methods=["POST"])
    blueprint.add_url_rule(f"{page}/compare", view_func=compare, methods=["POST"])
    blueprint.add_url_rule(f"{page}/write", view_func=write, methods=["POST"])
    blueprint.add_url_rule(f"{page}/resume", view_func=resume, methods=["POST"])
    blueprint.add_url_rule(f"{page}/test", view_func=test, methods=["POST"])
    sharing_pages.add_routes(blueprint, page)
    return blueprint


# --- the account -----------------------------------------------------------------------------------------------------


def index() -> Answer:
    """Show the account, what it has, and the lines of all agents. Asks Vapi where an account is connected."""
    return _account_page(KeyForm(formdata=None))


def connect() -> Answer:
    """Connect the account. The form is not kept for a later sign-in: the key is a secret."""
    form, viewer = KeyForm(), current_viewer()
    _line().account.get(viewer)  # for admins only
    if form.validate_on_submit():
        try:
            with provider_place():
                _line().account.connect(form.key.data, viewer)
        except (Refusal, VapiTrouble) as error:
            form.key.errors = [str(error)]
        else:
            flash("The Vapi account is connected.", "done")
            return redirect(url_for("line.index"), 303)
    return _account_page(form)


def disconnect() -> Answer:
    """Explain what disconnecting the account means, and do it."""
    viewer, line = current_viewer(), _line()
    account = line.account.get(viewer)
    if account is None or account.is_from_environment:
        return redirect(url_for("line.index"), 303)
    if request.method == "POST":
        line.account.disconnect(viewer)
        flash("The Vapi account was disconnected.", "done")
        return redirect(url_for("line.index"), 303)
    return render_template("line/disconnect.html")


def _account_page(form: KeyForm) -> Answer:
    viewer, line, config = current_viewer(), _line(), config_of(current_app)
    account = line.account.get(viewer)
    overview, trouble = _overview(account)
    lines = line.drift.checks(viewer)
    body = render_template(
        "line/index.html",
        form=form,
        account=account,
        overview=overview,
        trouble=trouble,
        lines=lines,
        may_store=line.account.may_store,
        unready=_unready(config),
        unknown=services_of(current_app).calls.unknown_assistants(viewer),
        zone=config.office_zone,
    )
    return body, 400 if form.errors else 200


# --- one agent -------------------------------------------------------------------------------------------------------


def show(agent_id: str) -> Answer:
    """Show an agent's line. Asks Vapi only where there is something to choose."""
    return _page(_services().agents.get(agent_id, current_viewer()))


@preserves_form
def choose(agent_id: str) -> Answer:
    """Store what was chosen. A new assistant is written at once; one that exists is compared first."""
    viewer, line = current_viewer(), _line()
    agent = _services().agents.get(agent_id, viewer)
    require_admin(viewer)
    form = ChooseForm()
    if form.validate_on_submit():
        try:
            line.set_ups.choose(agent_id, form.choice, viewer)
            with provider_place():
                if form.choice.assistant_id is None:
                    line.set_ups.resume(agent_id, viewer)
                    flash("The line is set up.", "done")
                else:
                    _compare_choice(agent_id, line, viewer)
        except INVALID_CHOICES as refusal:
            form.add_error(refusal, INVALID_CHOICES_AT.get(type(refusal)))
            return _page(agent, form)
        except (Refusal, VapiTrouble) as error:
            flash(str(error), "refused")
        return _back(agent_id)
    return _page(agent, form)


def _compare_choice(agent_id: str, line: LineServices, viewer: Viewer) -> None:
    """Compare what was chosen; finish the set-up if Vapi has everything already. Raises Refusal, VapiTrouble."""
    check = line.drift.check(agent_id, viewer)
    if check.written:
        flash("Compared with Vapi. Nothing is written yet: see below what would be.", "note")
        return
    line.set_ups.write(agent_id, viewer, seen_assistant=check.assistant_version, seen_number=check.number_version)
    flash("The line is set up. Vapi had everything already.", "done")


def compare(agent_id: str) -> Answer:
    """Compare a line with what Vapi has now."""
    _services().agents.get(agent_id, current_viewer())
    try:
        with provider_place():
            check = _line().drift.check(agent_id, current_viewer())
    except (Refusal, VapiTrouble) as error:
        return _refused(agent_id, error)
    if check.differs:
        flash("The line differs from its settings here. The differences are below.", "note")
    else:
        flash("The line is as it should be.", "done")
    return _back(agent_id)


def write(agent_id: str) -> Answer:
    """Write what a comparison showed, unless it was edited since then."""
    _services().agents.get(agent_id, current_viewer())
    seen = {name: request.form.get(name, "")[:MAX_VERSION_CHARS] for name in ("seen_assistant", "seen_number")}
    try:
        with provider_place():
            _line().set_ups.write(agent_id, current_viewer(), **seen)
    except (Refusal, VapiTrouble) as error:
        return _refused(agent_id, error)
    flash("The line is set up.", "done")
    return _back(agent_id)


def resume(agent_id: str) -> Answer:
    """Do the missing steps of a set-up that stopped."""
    _services().agents.get(agent_id, current_viewer())
    try:
        with provider_place():
            _line().set_ups.resume(agent_id, current_viewer())
    except (Refusal, VapiTrouble) as error:
        return _refused(agent_id, error)
    flash("The line is set up.", "done")
    return _back(agent_id)


def test(agent_id: str) -> Answer:
    """Play a test call. Nothing is stored, so there is no redirect."""
    agent = _services().agents.get(agent_id, current_viewer())
    played = None
    if agent.vapi_assistant_id or agent.phone_number_id:
        played = play_test_call(current_app.extensions["peterental.database"], agent, utc_now())
    return _page(agent, played=played)


def _refused(agent_id: str, error: Refusal | VapiTrouble) -> Response:
    """Redirect to the page with the reason. What only admins may do is an error of the request."""
    if isinstance(error, Forbidden):
        raise error
    flash(str(error), "refused")
    return _back(agent_id)


def _page(agent: Agent, form: ChooseForm | None = None, *, played: PlayedCall | None = None) -> Answer:
    viewer, line, config = current_viewer(), _line(), config_of(current_app)
    state = line.drift.state(agent)
    account = line.account.get(viewer) if viewer.is_admin else None
    has_line = bool(agent.vapi_assistant_id) or state.is_unfinished
    overview = trouble = None
    if form is not None or (played is None and (not has_line or "choose" in request.args)):
        overview, trouble = _overview(account)
    form = _choose_form(form, overview, agent)
    body = render_template(
        "line/agent.html",
        agent=agent,
        state=state,
        sharing=_services().shared_lines.sharing_of(agent),
        choice_labels=sharing_pages.CHOICE_LABELS,
        account=account,
        assistant_id=chosen_ids(agent, state.set_up)[0],
        form=form,
        has_choice=overview is not None,
        is_tested=request.endpoint == "line.test",
        trouble=trouble,
        unready=_unready(config),
        steps=[(label, step in state.set_up.done) for step, label in STEP_LABELS.items()] if state.set_up else [],
        step_count=len(STEPS),
        played=played,
        format_response_time=format_response_time,
        webhook_url=webhook_url(config),
        tools=json.dumps(tools_json(webhook_url(config)), indent=2),
        prompt=desired.prompt_block(agent),
        server_messages=", ".join(desired.SERVER_MESSAGES),
    )
    return body, 400 if form is not None and form.is_submitted() else 200


def _overview(account: Account | None) -> tuple[AccountOverview | None, str | None]:
    """Return what the account has, or why that is not known."""
    if account is None:
        return None, None
    try:
        with provider_place():
            return _line().set_ups.overview(current_viewer()), None
    except (Refusal, VapiTrouble) as error:
        return None, str(error)


def _unready(config: Config) -> str | None:
    """Return why this server cannot be called by Vapi."""
    try:
        target_of(config)
    except (AddressNotPublic, SecretMissing) as refusal:
        return str(refusal)
    return None


def _back(agent_id: str) -> Response:
    return redirect(url_for("line.show", agent_id=agent_id), 303)


def _choose_form(sent: ChooseForm | None, overview: AccountOverview | None, agent: Agent) -> ChooseForm | None:
    """Return the form that was sent, or one with suggestions, with what can be chosen; None without either."""
    form = sent
    if form is None and overview is not None:
        form = ChooseForm(formdata=None)
        form.suggest(overview, agent, _services().notice_settings.get().office_name)
    if form is not None:
        form.offer(overview, agent)
    return form


def _services() -> Services:
    return services_of(current_app)


def _line() -> LineServices:
    return line_services_of(current_app)
