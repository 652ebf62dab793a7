"""Pages about notices: settings, wordings, and the outbox."""
