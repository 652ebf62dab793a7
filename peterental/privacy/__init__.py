"""Personal data: reduce old calls, and export and delete one person's data."""
