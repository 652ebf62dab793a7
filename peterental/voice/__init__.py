"""The voice assistant: receive messages from Vapi, answer tool calls, render what callers hear."""
