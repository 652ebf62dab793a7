"""Whom a Vapi message is for: one rule, for whoever looks an agent up by it."""
