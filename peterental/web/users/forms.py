"""Forms of the viewer's account and of the users."""

from __future__ import annotations

from wtforms import EmailField, PasswordField, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from peterental.web.shell.forms import PASSWORD_HINT, PageForm, required, up_to

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


def _role() -> RadioField:
    return RadioField("Role", choices=ROLES, validators=[InputRequired("Choose a role.")])


class PasswordForm(PageForm):
    """The current password and a new one."""

    current = PasswordField(
        "Current password",
        validators=[InputRequired("Enter your current password.")],
        render_kw={"autocomplete": "current-password"},
    )
    new = _new_password("New password")


class JoinForm(PageForm):
    """A password, chosen by the holder of a one-time link."""

    new = _new_password("Password")


class InviteForm(PageForm):
    """A new user."""

    email = EmailField(
        "E-mail",
        description="For signing in. PeteRental does not send e-mail: the next page shows a link to pass on.",
        validators=[required("Enter the e-mail address of the new user.")],
        render_kw={"autocomplete": "off", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    full_name = StringField(
        "Name",
        validators=[up_to(255)],
        render_kw={"autocomplete": "off"},
    )
    role = _role()


class RoleForm(PageForm):
    """The role of a user."""

    role = _role()
