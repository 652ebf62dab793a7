"""Google Calendar: busy times in, viewings out, by the Calendar API v3."""
