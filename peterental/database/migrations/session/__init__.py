"""The runner's direct connection, its reset, and the advisory lock."""
