"""What every form of the pages has, and the forms of the sign-in pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, Field, HiddenField, IntegerField, PasswordField
from wtforms.i18n import DummyTranslations
from wtforms.validators import InputRequired, StopValidation

from peterental.errors import Refusal

FORM_EXPIRED = "This page was open for so long that the form had expired. Nothing was saved: please send it again."


WORDS = {
    "Not a valid choice.": "Choose one of those offered.",
    "Not a valid date value.": "Type a day such as 2026-11-30.",
    "Not a valid time value.": "Type a time such as 15:30.",
    "Not a valid datetime value.": "Type a day and a time, such as 2026-11-30T15:30.",
}
"""What WTForms says of what it cannot read, in our words."""


class Messages(DummyTranslations):  # type: ignore[misc]  # WTForms has no types
    """Has every field speak like the pages do."""

    def gettext(self, string: str) -> str:
        """Give our words for WTForms' own."""
        return WORDS.get(string, string)


class PageForm(FlaskForm):  # type: ignore[misc]  # WTForms has no types
    """A form that keeps what was typed when it cannot be accepted, and says at each field what to do."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # likewise
        """Blanks around what people type mean nothing, and PostgreSQL keeps no NUL."""

        def get_translations(self, form: Any) -> Messages:
            """Say what is wrong in our words."""
            del form
            return Messages()

        def bind_field(self, form: Any, unbound_field: Any, options: dict[str, Any]) -> Any:
            """Give every text field the same tidying."""
            if unbound_field.field_class is not PasswordField:
                filters = [*unbound_field.kwargs.get("filters", ()), strip]
                return unbound_field.bind(form=form, **{**options, "filters": filters})
            return unbound_field.bind(form=form, **options)

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """Check every field, and say in plain words when the CSRF token is not one of this session."""
        fits = bool(super().validate(extra_validators))
        if self.csrf_token.errors:
            self.form_errors.append(FORM_EXPIRED)
        return fits

    def add_error(self, refusal: Refusal, at: str | None = None) -> None:
        """Show a refusal at the field called `at`, or above the form."""
        field = self._fields.get(at) if at else None
        if field is None:
            self.form_errors.append(str(refusal))
        else:
            field.errors = [*field.errors, str(refusal)]


def strip(value: object) -> object:
    """Give a text without blanks around it and without NUL; anything else as it is."""
    return value.replace("\x00", "").strip() if isinstance(value, str) else value


def required(message: str) -> Callable[[PageForm, Field], None]:
    """Make a validator that says what is missing, where what nobody can see is nothing."""

    def check(form: PageForm, field: Field) -> None:
        del form
        if field.data is None or (isinstance(field.data, str) and not _has_visible_text(field.data)):
            field.errors = []  # "not a whole number" says nothing more
            raise StopValidation(message)

    check.field_flags = {"required": True}  # type: ignore[attr-defined]  # how WTForms learns it
    return check


def _has_visible_text(text: str) -> bool:
    """Tell whether a text has more than blanks and marks without width."""
    return any(character.isprintable() and not character.isspace() for character in text)


class WholeNumber(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A whole number; what is not one is kept as typed and said in plain words."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed; nothing is None."""
        typed = valuelist[0].strip() if valuelist else ""
        if not typed:
            self.data = None
            return
        self.data = int(typed) if typed.isascii() and typed.removeprefix("-").isdigit() and len(typed) < 10 else None  # noqa: PLR2004  # digits that fit
        if self.data is None:
            raise ValueError("Type a whole number.")


class SignInForm(PageForm):
    """Address and password, and what was typed into another form before."""

    email = EmailField(
        "E-mail",
        validators=[required("Type your e-mail address.")],
        render_kw={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[InputRequired("Type your password.")],
        render_kw={"autocomplete": "current-password"},
    )
    kept = HiddenField()


class SetUpForm(PageForm):
    """The first user."""

    email = EmailField(
        "E-mail",
        validators=[required("Type the e-mail address you want to sign in with.")],
        render_kw={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        description="At least 12 characters. A few words in a row are easy to remember and hard to guess.",
        validators=[InputRequired("Choose a password.")],
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )
