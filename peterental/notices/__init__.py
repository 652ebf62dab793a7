"""Notices: what visitors, agents and users are sent by e-mail and text."""
