"""Pages of the phone calls."""
