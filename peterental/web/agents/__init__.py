"""Pages of the agents: settings, working hours, week view and statistics."""
