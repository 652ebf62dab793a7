"""Bookings by the office that leave the agent to a shared line."""
