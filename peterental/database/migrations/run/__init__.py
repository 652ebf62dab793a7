"""Applying migrations."""
