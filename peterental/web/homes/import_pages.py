"""Pages of an import: upload a file, choose its columns, check the preview and confirm it."""

from __future__ import annotations

from typing import get_args

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response
from wtforms import BooleanField, HiddenField, StringField

from peterental.access import require_admin
from peterental.audit.model import Change
from peterental.config import config_of
from peterental.plural import counted
from peterental.properties.importing.model import (
    FIELD_LABELS,
    MAX_FILE_BYTES,
    MAX_SOURCE_CHARS,
    ColumnsIncomplete,
    ColumnTwice,
    FeedShrinks,
    FileRefused,
    ImportField,
    ImportUnknown,
    Plan,
    PlanChanged,
    PlannedHome,
    SourceNameInvalid,
)
from peterental.services import Services, services_of
from peterental.web.audit.field_labels import Field, labelled_fields
from peterental.web.shell.access_control import accepts_upload
from peterental.web.shell.answers import Answer, form_status
from peterental.web.shell.csrf import preserves_form
from peterental.web.shell.forms import PageForm, required, up_to
from peterental.web.shell.session import current_viewer

MAX_UPLOAD_BYTES = MAX_FILE_BYTES + 512 * 1024
"""A little more than the largest file, so that one that is slightly larger is answered at its field."""

SHOWN = 50
"""The homes of each kind that a preview lists; the others are counted."""


class UploadForm(PageForm):
    """A file, and the system that it comes from."""

    source = StringField(
        "Comes from",
        description="The system that exports the list, for example AppFolio. Its next file updates the same homes.",
        validators=[required("Enter where the file comes from."), up_to(MAX_SOURCE_CHARS)],
        render_kw={"autocomplete": "off", "list": "sources"},
    )
    file = FileField(
        "File",
        description="CSV, or HotPads XML; at most 2 MB. Nothing is changed before you confirm it.",
        validators=[FileRequired("Choose a file.")],
        render_kw={"accept": ".csv,.tsv,.txt,.xml,text/csv,text/xml"},
    )


class ConfirmForm(PageForm):
    """The plan that was shown, and whether the loss of many homes is meant."""

    digest = HiddenField()
    accepts_shrinking = BooleanField("Yes, this is the whole list. Make the missing homes inactive.")


def add_routes(blueprint: Blueprint) -> None:
    """Add the routes of imports to the blueprint of the homes."""
    both = ["GET", "POST"]
    blueprint.add_url_rule("/import", view_func=upload, methods=both)
    blueprint.add_url_rule("/imports/<int:import_id>", view_func=preview, methods=both)
    blueprint.add_url_rule("/imports/<int:import_id>/columns", view_func=columns, methods=both)
    blueprint.add_url_rule("/imports/<int:import_id>/discard", view_func=discard, methods=["POST"])


@accepts_upload(MAX_UPLOAD_BYTES)
@preserves_form
def upload() -> Answer:
    """Take a file that homes are imported from. Runs one query."""
    viewer, services = current_viewer(), _services()
    require_admin(viewer)
    form = UploadForm()
    if form.validate_on_submit():
        with form.file.data.stream as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
        try:
            import_id = services.property_imports.upload(
                form.source.data, form.file.data.filename or "", content, viewer
            )
        except SourceNameInvalid as refusal:
            form.add_error(refusal, "source")
        except FileRefused as refusal:
            form.add_error(refusal, "file")
        else:
            return redirect(url_for("homes.columns", import_id=import_id), 303)
    body = render_template(
        "homes/import.html",
        form=form,
        sources=services.property_imports.sources(viewer),
        zone=config_of(current_app).office_zone,
    )
    return body, form_status(form)


@preserves_form
def columns(import_id: int) -> Answer:
    """Show the columns of a file with what they may mean, and take what they mean. Runs two queries."""
    viewer, imports = current_viewer(), _services().property_imports
    form = PageForm()
    try:
        choice = imports.columns(import_id, viewer)
    except ImportUnknown:  # HotPads has no columns; the preview is not found either if the file is gone
        return redirect(url_for("homes.preview", import_id=import_id), 303)
    meanings = {column.name: column.meaning for column in choice.columns}
    if form.is_submitted():
        meanings = {column.name: _meaning(at) for at, column in enumerate(choice.columns)}
    if form.validate_on_submit():
        try:
            imports.choose_columns(import_id, meanings.items(), viewer)
        except (ColumnTwice, ColumnsIncomplete, FileRefused) as refusal:
            form.add_error(refusal)
        else:
            return redirect(url_for("homes.preview", import_id=import_id), 303)
    body = render_template("homes/columns.html", form=form, choice=choice, meanings=meanings, labels=FIELD_LABELS)
    return body, form_status(form)


@preserves_form
def preview(import_id: int) -> Answer:
    """Show what an import would do, and do it once it is confirmed. Runs two queries."""
    viewer, imports = current_viewer(), _services().property_imports
    form = ConfirmForm()
    if form.validate_on_submit() and _confirm(import_id, form):
        return redirect(url_for("homes.index"), 303)
    try:
        shown = imports.preview(import_id, viewer)
    except ColumnsIncomplete:
        return redirect(url_for("homes.columns", import_id=import_id), 303)
    form.digest.data = shown.plan.digest
    body = render_template(
        "homes/preview.html",
        form=form,
        pending=shown.pending,
        plan=shown.plan,
        has_columns=shown.has_columns,
        shown=SHOWN,
        summary=summary(shown.plan),
        fields_of=changed_fields,
        zone=config_of(current_app).office_zone,
    )
    return body, form_status(form)


def _confirm(import_id: int, form: ConfirmForm) -> bool:
    """Do an import as it was shown, or say that it was done; False if it was refused, which the form then says."""
    accepts_shrinking = bool(form.accepts_shrinking.data)
    try:
        plan = _services().property_imports.confirm(
            import_id, form.digest.data or "", current_viewer(), accepts_shrinking=accepts_shrinking
        )
    except ImportUnknown as refusal:  # a second click, while the first one was at work
        flash(str(refusal), "note")
    except (PlanChanged, FeedShrinks) as refusal:
        form.add_error(refusal)
        return False
    else:
        flash(f"The list was imported: {summary(plan)}.", "done")
    return True


def discard(import_id: int) -> Response:
    """Delete an uploaded file."""
    _services().property_imports.discard(import_id, current_viewer())
    flash("The file was discarded. Nothing was changed.", "done")
    return redirect(url_for("homes.upload"), 303)


def summary(plan: Plan) -> str:
    """Return what an import does in words: `3 homes added, 1 changed`."""
    parts = [
        f"{number:,} {words}"
        for number, words in (
            (len(plan.added), "added"),
            (len(plan.changed), "changed"),
            (len(plan.returned), "active again"),
            (len(plan.vanished), "now inactive"),
            (len(plan.relisted), "listed again"),
            (
                len(plan.kept),
                "kept although the list lacks them" if len(plan.kept) > 1 else "kept although the list lacks it",
            ),
        )
        if number
    ]
    left_out = len(plan.problems)
    return ", ".join([*(parts or ["no home changed"]), *([f"{counted(left_out, 'row')} left out"] if left_out else [])])


def changed_fields(planned: PlannedHome) -> tuple[Field, ...]:
    """Return the fields in which a home changes, labelled as in the audit log."""
    change = Change(
        action="edited",
        subject_kind="home",
        subject_id="",
        subject_name=planned.details.label,
        before=planned.before,
        after=planned.after,
    )
    return labelled_fields(change, config_of(current_app).office_zone)


def _meaning(at: int) -> ImportField | None:
    """Return what was chosen for the column at a place."""
    chosen = request.form.get(f"column-{at}", "")
    return next((field for field in get_args(ImportField) if field == chosen), None)


def _services() -> Services:
    return services_of(current_app)
