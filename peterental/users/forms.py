"""What people fill in about their own account."""

from __future__ import annotations

from wtforms import PasswordField
from wtforms.validators import InputRequired

from peterental.admin.forms import PageForm


class PasswordForm(PageForm):
    """A new password, by somebody who knows the old one."""

    current = PasswordField(
        "Password until now",
        validators=[InputRequired("Type the password you signed in with.")],
        render_kw={"autocomplete": "current-password"},
    )
    new = PasswordField(
        "New password",
        description="At least 12 characters. A few words in a row are easy to remember and hard to guess.",
        validators=[InputRequired("Choose a new password.")],
        render_kw={"autocomplete": "new-password", "minlength": "12"},
    )
