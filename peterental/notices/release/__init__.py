"""Releases viewings that their visitors were asked to confirm and did not."""
