"""Working hours of an agent: weekly hours, date overrides, and busy blocks."""
