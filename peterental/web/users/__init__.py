"""Pages of the users and of one's own account."""
