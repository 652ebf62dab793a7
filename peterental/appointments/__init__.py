"""Viewings: when they may be, when they are, and what became of them."""
