"""The inbox: messages that callers left, to be called back about."""
