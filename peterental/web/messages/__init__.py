"""Pages of the messages taken by phone."""
