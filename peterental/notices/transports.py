"""What a process can send through, as its settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from peterental.config import Config
    from peterental.notices.model import Channel, Transport


def transports(config: Config, now: Callable[[], datetime]) -> dict[Channel, Transport]:
    """Return the transports by channel: a mail server, Twilio; in development files, where neither is set.

    Args:
        config: the settings.
        now: returns the present moment, aware.
    """
    found: dict[Channel, Transport] = {}
    if config.smtp is not None and config.mail_from is not None:
        from peterental.notices.mail.smtp import SmtpTransport  # noqa: PLC0415  # not loaded at gunicorn's start

        found["email"] = SmtpTransport(config.smtp, config.mail_from, now)
    if config.texts_by_twilio:
        from peterental.notices.texts.twilio import TwilioTransport  # noqa: PLC0415  # loads requests

        found["text"] = TwilioTransport(config, now)
    if not config.is_production:
        from peterental.notices.files import FOLDERS, FileTransport  # noqa: PLC0415  # see above

        for channel, folder in FOLDERS.items():
            found.setdefault(channel, FileTransport(channel, config.instance_dir / folder, now))
    return found
