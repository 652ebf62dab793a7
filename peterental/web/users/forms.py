"""Forms of the viewer's account and of the users."""

from __future__ import annotations

from wtforms import EmailField, HiddenField, PasswordField, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from peterental.web.shell.forms import CODE_ATTRIBUTES, CODE_HINT, PASSWORD_HINT, PageForm, required, up_to

ROLES = (
    SelectChoice("agent", "Agent: sees only their own agents"),
    SelectChoice("admin", "Admin: sees and changes everything, including users"),
)


def _new_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        description=PASSWORD_HINT,
        validators=[InputRequired("Choose a new password.")],
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )


def _current_password() -> PasswordField:
    return PasswordField(
        "Current password",
        validators=[InputRequired("Enter your current password.")],
        render_kw={"autocomplete": "current-password"},
    )


def _role() -> RadioField:
    return RadioField("Role", choices=ROLES, validators=[InputRequired("Choose a role.")])


class PasswordForm(PageForm):
    """The current password and a new one."""

    current = _current_password()
    new = _new_password("New password")


class JoinForm(PageForm):
    """A password, chosen by the holder of a one-time link."""

    new = _new_password("Password")


class ForgotForm(PageForm):
    """The e-mail address of a user who forgot the password."""

    email = EmailField(
        "E-mail",
        validators=[required("Enter your e-mail address."), up_to(255)],
        render_kw={"autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )


class InviteForm(PageForm):
    """A new user."""

    email = EmailField(
        "E-mail",
        description="For signing in.",
        validators=[required("Enter the e-mail address of the new user.")],
        render_kw={"autocomplete": "off", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    full_name = StringField(
        "Name",
        validators=[up_to(255)],
        render_kw={"autocomplete": "off"},
    )
    role = _role()


class NameForm(PageForm):
    """The name of a user."""

    full_name = StringField("Name", validators=[up_to(255)], render_kw={"autocomplete": "off"})


class RoleForm(PageForm):
    """The role of a user."""

    role = _role()


class FactorSetupForm(PageForm):
    """The current password, and the first code of an authenticator app."""

    setup = HiddenField()
    code = StringField(
        "Code",
        description="The six digits that the app shows now.",
        validators=[required("Enter the code that the app shows.")],
        render_kw={**CODE_ATTRIBUTES, "inputmode": "numeric"},
    )
    current = _current_password()


class FactorForm(PageForm):
    """The current password and a code, which changes of a second factor need."""

    current = _current_password()
    code = StringField("Code", description=CODE_HINT, validators=[required("Enter a code.")], render_kw=CODE_ATTRIBUTES)
