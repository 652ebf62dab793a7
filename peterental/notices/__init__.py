"""Notices: what visitors, agents and users are told by e-mail and text."""
