"""The pages of webhooks, for admins."""
