"""The settings of notices: what is sent, through what, in which words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from peterental.access import require_admin
from peterental.config import config_of
from peterental.notices.files import FOLDERS
from peterental.notices.model import NoticeSettingsChanged, NoticeSettingsInvalid
from peterental.notices.samples import ChannelOff, RecipientRefused
from peterental.notices.wording.builtin import key_named
from peterental.notices.wording.model import (
    FIELDS,
    OPTIONAL_FIELDS,
    StoredWording,
    Wording,
    WordingChanged,
    WordingRefused,
    WordingUnknown,
)
from peterental.services import Services, services_of
from peterental.web.notices import labels, outbox_pages
from peterental.web.notices.forms import SendTestForm, SettingsForm, TextWordingForm, WordingForm
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.edit_conflict import conflict_sentences
from peterental.web.shell.forms import NEVER
from peterental.web.shell.query_params import QueryParams
from peterental.web.shell.session import current_viewer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from peterental.audit.model import AuditEntry
    from peterental.notices.model import Channel, StoredSettings
    from peterental.notices.samples import Preview
    from peterental.notices.wording.model import WordingKey


def create_blueprint() -> Blueprint:
    """Return the blueprint of the notices' pages."""
    blueprint = Blueprint("notices", __name__, template_folder="templates")
    both = ["GET", "POST"]
    wording = "/settings/wordings/<kind>/<channel>/<language>"
    blueprint.add_url_rule("/settings", view_func=settings, methods=both)
    blueprint.add_url_rule("/settings/wordings", view_func=wordings)
    blueprint.add_url_rule(wording, view_func=edit_wording, methods=both)
    blueprint.add_url_rule(f"{wording}/reset", view_func=reset_wording, methods=["POST"])
    blueprint.add_url_rule(f"{wording}/test", view_func=send_test, methods=["POST"])
    outbox_pages.add_routes(blueprint)
    return blueprint


@preserves_form
def settings() -> Answer:
    """Show and change what the office sends, and show which channels are ready. Runs two queries.

    If another admin has saved the settings since the page was opened, it shows what they saved.
    """
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    stored = services.notice_settings.stored(viewer)
    form = SettingsForm(data={**asdict(stored.settings), "release_hours": str(stored.settings.release_hours or "")})
    if not form.is_submitted():
        form.show_version(stored.updated_at)
    if form.validate_on_submit() and _save_settings(form):
        flash("The settings were saved.", "done")
        return redirect(url_for("notices.settings"), 303)
    config = config_of(current_app)
    body = render_template(
        "notices/settings.html",
        form=form,
        ready=services.notice_channels.ready(),
        channels=labels.CHANNELS,
        folders={channel: str(config.instance_dir / folder) for channel, folder in FOLDERS.items()},
        is_production=config.is_production,
        has_public_url=config.public_url is not None,
    )
    return body, form_status(form)


def _save_settings(form: SettingsForm) -> bool:
    """Save the settings; False if they were refused, which the form then says."""
    viewer, service = current_viewer(), _services().notice_settings
    try:
        service.change(form.settings(), viewer, seen=form.seen_at)
    except NoticeSettingsChanged as refusal:
        entries = service.changes_since(viewer, form.seen_at) if form.seen_at > NEVER else ()
        form.show_conflict(refusal.stored, entries)
        form.form_errors.append(_conflict_message(refusal.stored, entries))
    except NoticeSettingsInvalid as refusal:
        form.form_errors.append(str(refusal))
    else:
        return True
    return False


def wordings() -> str:
    """List the wordings of one language. Runs one query."""
    params = QueryParams(request.args)
    language = params.choice("language", labels.LANGUAGES, "There is no language {}. English is shown.") or "en"
    listed: dict[str, dict[Channel, StoredWording]] = {}
    for stored in _services().wordings.listing(current_viewer()):
        if stored.key.language == language:
            listed.setdefault(stored.key.kind, {})[stored.key.channel] = stored
    return render_template(
        "notices/wordings.html",
        listed=listed,
        language=language,
        languages=labels.LANGUAGES,
        kinds=labels.KINDS,
        channels=labels.CHANNELS,
        warnings=params.warnings,
    )


@preserves_form
def edit_wording(kind: str, channel: str, language: str) -> Answer:
    """Show a wording with a preview; change it, or only preview what was entered. Runs two queries."""
    viewer, services, key = current_viewer(), _services(), _key(kind, channel, language)
    stored = services.wordings.get(key, viewer)
    data = {**asdict(stored.wording), "seen": stored.wording.version}
    form = TextWordingForm(data=data) if key.channel == "text" else WordingForm(data=data)
    shown: Preview | None = None
    conflict: StoredWording | None = None
    if form.validate_on_submit():
        wording = _wording(form)
        try:
            shown = services.wording_samples.preview(key, wording, viewer)
            if request.form.get("do") != "preview":
                services.wordings.change(key, wording, viewer, seen=form.seen.data or "")
                flash("The wording was saved. Notices that are sent from now on use it.", "done")
                return redirect(_url("edit_wording", key), 303)
        except WordingChanged as refusal:
            conflict = refusal.stored
            form.seen.data = conflict.wording.version
            form.form_errors.append(_wording_conflict(conflict))
        except WordingRefused as refusal:
            form.add_error(refusal, refusal.at)
    elif not form.is_submitted():
        shown = services.wording_samples.preview(key, stored.wording, viewer)
    return _wording_page(stored, form, shown, conflict=conflict)


def reset_wording(kind: str, channel: str, language: str) -> Response:
    """Use the built-in wording again."""
    key = _key(kind, channel, language)
    try:
        _services().wordings.reset(key, current_viewer(), seen=request.form.get("seen", ""))
    except WordingChanged as refusal:
        flash(_wording_conflict(refusal.stored), "refused")
        return redirect(_url("edit_wording", key), 303)
    flash("The built-in wording is used again.", "done")
    return redirect(_url("edit_wording", key), 303)


@preserves_form
def send_test(kind: str, channel: str, language: str) -> Answer:
    """Send a wording as it is saved, with example values, to an address."""
    viewer, services, key = current_viewer(), _services(), _key(kind, channel, language)
    stored, form = services.wordings.get(key, viewer), SendTestForm()
    if form.validate_on_submit():
        try:
            to = services.wording_samples.send_test(key, form.recipient.data, viewer)
        except RecipientRefused as refusal:
            form.add_error(refusal, "recipient")
        except ChannelOff as refusal:
            form.add_error(refusal)
        else:
            flash(f"A test goes to {to}. The outbox shows what becomes of it.", "done")
            return redirect(_url("edit_wording", key), 303)
    data = {**asdict(stored.wording), "seen": stored.wording.version}
    unsent = TextWordingForm(formdata=None, data=data) if key.channel == "text" else WordingForm(None, data=data)
    shown = services.wording_samples.preview(key, stored.wording, viewer)
    return _wording_page(stored, unsent, shown, test=form)


def _wording_page(
    stored: StoredWording,
    form: WordingForm | TextWordingForm,
    shown: Preview | None,
    test: SendTestForm | None = None,
    conflict: StoredWording | None = None,
) -> Answer:
    key = stored.key
    sent = test or (form if form.is_submitted() and form.errors else None)
    body = render_template(
        "notices/wording.html",
        stored=stored,
        conflict=conflict,
        key=key,
        form=form,
        sent=sent,
        test_form=test or SendTestForm(formdata=None),
        shown=shown,
        length=labels.segments_line(shown.segments) if shown and shown.segments else "",
        kinds=labels.KINDS,
        channels=labels.CHANNELS,
        languages=labels.LANGUAGES,
        fields=[(name, labels.FIELDS[name], name in OPTIONAL_FIELDS) for name in sorted(FIELDS[key.kind])],
    )
    return body, 400 if sent else 200


def _conflict_message(stored: StoredSettings, entries: Sequence[AuditEntry]) -> str:
    """Return who changed the settings and when, and how to resolve the conflict."""
    who = " and ".join(dict.fromkeys(entry.actor for entry in entries)) or "Another admin"
    return conflict_sentences(who, "the settings", stored.updated_at, config_of(current_app).office_zone)


def _wording_conflict(stored: StoredWording) -> str:
    """Return who changed a wording and when, and how to resolve the conflict."""
    who = stored.updated_by or "Another admin"
    zone = config_of(current_app).office_zone
    what_now = "The wording saved now is shown on this page. Check it, then save again."
    return conflict_sentences(who, "this wording", stored.updated_at, zone, what_now)


def _wording(form: WordingForm | TextWordingForm) -> Wording:
    """Return the entered wording, with line ends as they are stored."""
    body = (form.body.data or "").replace("\r\n", "\n").strip()
    return Wording(body, form.subject.data or "") if isinstance(form, WordingForm) else Wording(body)


def _key(kind: str, channel: str, language: str) -> WordingKey:
    key = key_named(f"{kind}/{channel}/{language}")
    if key is None:
        raise WordingUnknown
    return key


def _url(endpoint: str, key: WordingKey) -> str:
    return url_for(f"notices.{endpoint}", kind=key.kind, channel=key.channel, language=key.language)


def _services() -> Services:
    return services_of(current_app)
