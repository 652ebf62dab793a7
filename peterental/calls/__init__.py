"""Phone calls, their tool calls, and messages taken."""
