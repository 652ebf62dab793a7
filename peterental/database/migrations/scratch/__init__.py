"""Scratch databases, in which migrations are built and dropped again."""
