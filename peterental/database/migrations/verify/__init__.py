"""Drift detection: catalogs read and compared."""
