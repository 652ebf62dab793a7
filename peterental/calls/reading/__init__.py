"""Calls as the pages read them: lists of any length, and all that is known of one."""
