"""Drift detection: read and compare the catalogs of two databases."""
