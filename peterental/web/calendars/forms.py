"""Forms to connect a calendar that needs no sign-in at its provider."""

from __future__ import annotations

from wtforms import PasswordField, StringField, URLField
from wtforms.validators import InputRequired, Length

from peterental.web.shell.forms import PageForm, required, up_to

MAX_ADDRESS_CHARS = 2000
MAX_NAME_CHARS = 255
MAX_PASSWORD_CHARS = 500

_AS_TYPED = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class AddressForm(PageForm):
    """The secret address of an .ics file."""

    address = URLField(
        "Secret address",
        description="It starts with https:// or webcal:// and often ends in .ics. Anyone who has it can read the "
        "calendar: it is stored encrypted, and not shown again.",
        validators=[required("Enter the address of the calendar."), up_to(MAX_ADDRESS_CHARS)],
        render_kw=_AS_TYPED,
    )


class CalDavForm(PageForm):
    """A CalDAV account."""

    server = StringField(
        "Server",
        description="iCloud: caldav.icloud.com. Fastmail: caldav.fastmail.com. Others: see the help of the provider.",
        validators=[required("Enter the address of the server."), up_to(MAX_ADDRESS_CHARS)],
        render_kw={**_AS_TYPED, "inputmode": "url"},
    )
    user_name = StringField(
        "User name",
        description="Often the e-mail address.",
        validators=[required("Enter the user name."), up_to(MAX_NAME_CHARS)],
        render_kw=_AS_TYPED,
    )
    password = PasswordField(
        "App password",
        description="Not the password that you sign in with: make one for PeteRental in the account’s security "  # noqa: RUF001  # an apostrophe
        "settings, and delete it there to end the access.",
        validators=[
            InputRequired("Enter the app password."),
            Length(max=MAX_PASSWORD_CHARS, message=f"At most {MAX_PASSWORD_CHARS} characters."),
        ],
        render_kw={"autocomplete": "off"},
    )
