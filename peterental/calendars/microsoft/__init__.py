"""Calendars of Microsoft 365 and Outlook.com: busy times in and viewings out, by Microsoft Graph v1.0."""

from __future__ import annotations

from peterental.calendars.microsoft.account import MicrosoftAccount
from peterental.calendars.microsoft.sign_in import microsoft_provider

__all__ = ["MicrosoftAccount", "microsoft_provider"]
