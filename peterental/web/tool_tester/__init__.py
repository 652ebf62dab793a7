"""Trying out what a caller would hear."""
