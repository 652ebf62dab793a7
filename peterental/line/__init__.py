"""Agents' phone lines at Vapi: the account, set-up, comparison, test calls, and calls whose report never came."""
