"""Tokens with which the office's own tools use the API, and requests that count once."""
