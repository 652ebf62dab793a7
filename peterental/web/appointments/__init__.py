"""Pages of the viewings: list, CSV export, booking, moving and cancelling."""
