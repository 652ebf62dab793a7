"""The agents' own calendars: busy times are read from them, viewings are written into them."""
