"""What people fill in about their own account, and admins about others'."""

from __future__ import annotations

from wtforms import EmailField, PasswordField, RadioField, StringField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length

from peterental.web.shell.forms import PageForm, required

ROLES = (
    SelectChoice("agent", "Agent: sees only the agents that are theirs"),
    SelectChoice("admin", "Admin: sees and changes everything, users too"),
)


def _new_password(label: str) -> PasswordField:
    return PasswordField(
        label,
        description="At least 12 characters. A few words in a row are easy to remember and hard to guess.",
        validators=[InputRequired("Choose a new password.")],
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )


def _role() -> RadioField:
    return RadioField("Role", choices=ROLES, validators=[InputRequired("Choose a role.")])


class PasswordForm(PageForm):
    """A new password, by somebody who knows the old one."""

    current = PasswordField(
        "Password until now",
        validators=[InputRequired("Type the password you signed in with.")],
        render_kw={"autocomplete": "current-password"},
    )
    new = _new_password("New password")


class JoinForm(PageForm):
    """A password, chosen by whoever has the link."""

    new = _new_password("Password")


class InviteForm(PageForm):
    """Somebody who is to sign in."""

    email = EmailField(
        "E-mail",
        description="What they will sign in with. PeteRental sends no mail: the next page shows a link to pass on.",
        validators=[required("Type the e-mail address of the person to invite.")],
        render_kw={"autocomplete": "off", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false"},
    )
    full_name = StringField(
        "Name",
        validators=[Length(max=255, message="There is room for 255 characters.")],
        render_kw={"autocomplete": "off"},
    )
    role = _role()


class RoleForm(PageForm):
    """What somebody may do."""

    role = _role()
