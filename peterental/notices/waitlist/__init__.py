"""Callers whose time was taken, and the times that are offered to them when one frees up."""
