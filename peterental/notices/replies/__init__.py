"""Replies: what visitors text back, what it means, and what is done about it."""
