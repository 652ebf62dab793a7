"""The voice assistant: Vapi's messages, tool calls, and what callers hear."""
