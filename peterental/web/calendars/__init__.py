"""Pages of an agent's calendars: connect, choose, read at once, disconnect."""
