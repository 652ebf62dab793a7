"""Viewings as events in the agents' calendars: the outbox, what people did to the events, and the feed."""
