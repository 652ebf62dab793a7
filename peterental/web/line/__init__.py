"""Pages of the Vapi account and of the agents' lines."""
