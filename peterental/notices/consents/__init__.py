"""Consents: who may be texted about what, and who said stop."""
