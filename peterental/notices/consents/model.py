"""Consents to be texted or mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from peterental.notices.model import Channel

Purpose = Literal["viewing", "follow_up", "all"]
"""viewing: the notices of one viewing; follow_up: after a missed one; all: STOP and START."""


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person agreed to or revoked, and how. Times are UTC.

    Args:
        consent_id: its id.
        channel: by e-mail or by text.
        recipient: a number in E.164, or an e-mail address.
        purpose: what it covers.
        appointment_id: the viewing that it covers; None for all.
        given_at: since when; None if it was only revoked.
        how_given: such as `phone call abc`.
        words_given: what the person said or wrote, where it is known.
        revoked_at: since when it is revoked; None if it is not.
        how_revoked: such as `text message`.
        words_revoked: what the person wrote.
    """

    consent_id: int
    channel: Channel
    recipient: str
    purpose: Purpose
    appointment_id: int | None
    given_at: datetime | None
    how_given: str | None
    words_given: str | None
    revoked_at: datetime | None
    how_revoked: str | None
    words_revoked: str | None
