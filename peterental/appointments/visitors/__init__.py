"""What visitors do with their own viewings: see, confirm, move, cancel."""
