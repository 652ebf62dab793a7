"""Webhooks: the office's own tools are told when viewings change, signed as Standard Webhooks describes."""
