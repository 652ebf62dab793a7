"""The inbox: messages that callers left for an agent."""
