"""The page on which an agent chooses what to be notified of."""
