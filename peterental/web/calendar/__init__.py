"""The calendar of the office: the days and weeks of all agents."""
