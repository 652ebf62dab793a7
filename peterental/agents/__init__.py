"""Leasing agents: profiles, access, working hours, and lookup by a call's ids."""
