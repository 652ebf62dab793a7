"""The base class of every form, field types, validators, sign-in forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, HiddenField, IntegerField, PasswordField, StringField
from wtforms.i18n import DummyTranslations
from wtforms.validators import InputRequired, StopValidation

from peterental.errors import Refusal

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""The version of a form that names none: every stored state is a later one."""

FORM_EXPIRED = "The form had expired. Nothing was saved. Check your entries and send the form again."

MESSAGES = {
    "Not a valid choice.": "Choose one of the options.",
    "Not a valid date value.": "Enter a date such as 2026-11-30.",
    "Not a valid time value.": "Enter a time such as 15:30.",
    "Not a valid datetime value.": "Enter a date and a time such as 2026-11-30T15:30.",
}
"""Our texts for the messages of WTForms."""

PASSWORD_HINT = "At least 12 characters. A few words in a row are easy to remember and hard to guess."  # noqa: S105  # a hint

CODE_HINT = "The six digits that your authenticator app shows for PeteRental, or one of your recovery codes."

CODE_ATTRIBUTES = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "maxlength": "100"}


class Messages(DummyTranslations):  # type: ignore[misc]  # WTForms has no types
    """Replaces the messages of WTForms by ours."""

    def gettext(self, string: str) -> str:
        """Return our text for a message of WTForms."""
        return MESSAGES.get(string, string)


class PageForm(FlaskForm):  # type: ignore[misc]  # WTForms has no types
    """A form that keeps invalid entries and shows what to correct at each field."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # likewise
        """Strips every text field and removes NUL, which PostgreSQL cannot store."""

        def get_translations(self, form: Any) -> Messages:
            """Return our messages."""
            del form
            return Messages()

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Add the `strip` filter to every field except passwords."""
            if unbound_field.field_class is not PasswordField:
                filters = [*unbound_field.kwargs.get("filters", ()), strip]
                return unbound_field.bind(form=form, **{**options, "filters": filters})
            return unbound_field.bind(form=form, **options)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Validate every field; a foreign CSRF token is a form error."""
        is_valid = bool(super().validate(extra_validators))
        if self.csrf_token.errors:
            self.form_errors.append(FORM_EXPIRED)
        return is_valid

    def add_error(self, refusal: Refusal, at: str | None = None) -> None:
        """Add a refusal to the errors of the field called `at`, or to those of the form."""
        field = self._fields.get(at) if at else None
        if field is None:
            self.form_errors.append(str(refusal))
        else:
            field.errors = [*field.errors, str(refusal)]


class VersionedForm(PageForm):
    """A form that carries when what it shows had last changed, to detect edit conflicts."""

    seen = HiddenField()

    def show_version(self, updated_at: datetime | None) -> None:
        """Set the version to that of the state which this form shows."""
        self.seen.data = updated_at.isoformat() if updated_at else ""

    @property
    def seen_at(self) -> datetime:
        """When what the form showed had last changed; NEVER if unknown."""
        try:
            seen = datetime.fromisoformat(self.seen.data or "")
        except ValueError:
            return NEVER
        return seen if seen.tzinfo else NEVER


def strip(value: object) -> object:
    """Return a text, or each of a list, without surrounding blanks and NUL; other values unchanged."""
    if isinstance(value, list):
        return [strip(item) for item in value]
    return value.replace("\x00", "").strip() if isinstance(value, str) else value


def required(message: str) -> Callable[[PageForm, Field], None]:
    """Return a validator that rejects text without any visible character."""

    def check(form: PageForm, field: Field) -> None:
        del form
        if field.data is None or (isinstance(field.data, str) and not _has_visible_text(field.data)):
            field.errors = []  # a parse error says nothing more
            raise StopValidation(message)

    check.field_flags = {"required": True}  # type: ignore[attr-defined]  # WTForms reads this attribute
    return check


def up_to(characters: int) -> Callable[[PageForm, Field], None]:
    """Return a validator that rejects longer texts, and then stops: the next validators see short texts only."""

    def check(form: PageForm, field: Field) -> None:
        del form
        if isinstance(field.data, str) and len(field.data) > characters:
            field.errors = []
            raise StopValidation(f"At most {characters:,} characters.")

    check.field_flags = {"maxlength": characters}  # type: ignore[attr-defined]  # WTForms reads this attribute
    return check


def _has_visible_text(text: str) -> bool:
    """Return whether a text has more than blanks and zero-width characters."""
    return any(character.isprintable() and not character.isspace() for character in text)


class WholeNumber(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A whole number; an invalid entry stays in the field with an error."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the entry; empty becomes None."""
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            self.data = None
            return
        self.data = int(typed) if typed.isascii() and typed.removeprefix("-").isdigit() and len(typed) < 10 else None  # noqa: PLR2004  # digits that fit
        if self.data is None:
            raise ValueError("Enter a whole number.")


class SignInForm(PageForm):
    """E-mail and password, and the entries of a form that was sent without a session."""

    email = EmailField(
        "E-mail",
        validators=[required("Enter your e-mail address.")],
        render_kw={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[InputRequired("Enter your password.")],
        render_kw={"autocomplete": "current-password"},
    )
    pending_form = HiddenField()


class CodeForm(PageForm):
    """A code of the authenticator app or a recovery code, and the entries of a form that was sent without a session."""

    code = StringField(
        "Code",
        description=CODE_HINT,
        validators=[required("Enter a code.")],
        render_kw=CODE_ATTRIBUTES,
    )
    pending_form = HiddenField()


class SetUpForm(PageForm):
    """The first user."""

    email = EmailField(
        "E-mail",
        validators=[required("Enter the e-mail address you want to sign in with.")],
        render_kw={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        description=PASSWORD_HINT,
        validators=[InputRequired("Choose a password.")],
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )
