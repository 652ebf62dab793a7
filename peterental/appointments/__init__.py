"""Viewings: when they may be, when they are, and their state."""
