"""Manual bookings: book, move, cancel, complete, mark as no-show, restore."""
