"""Throw-away databases in which migrations are built."""
