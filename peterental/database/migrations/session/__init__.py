"""The runner's own connection, its reset, and the advisory lock."""
