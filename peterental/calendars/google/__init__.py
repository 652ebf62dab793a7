"""Google Calendar: busy times in and viewings out, by the Calendar API v3."""

from __future__ import annotations

from peterental.calendars.google.account import GoogleAccount
from peterental.calendars.google.provider import google_provider

__all__ = ["GoogleAccount", "google_provider"]
