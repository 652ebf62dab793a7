"""Webhooks: the office's own tools receive an event when a viewing changes, signed as Standard Webhooks describes."""
