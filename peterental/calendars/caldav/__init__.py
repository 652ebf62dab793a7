"""Calendars by CalDAV: discovery, busy times read from events, viewings written as resources."""
