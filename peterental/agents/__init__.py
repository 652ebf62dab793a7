"""Leasing agents: who answers which phone, and when they have time."""
