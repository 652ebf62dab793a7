"""iCalendar data (RFC 5545): busy times out of them, viewings into them. Pure."""
