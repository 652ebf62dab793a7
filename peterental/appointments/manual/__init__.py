"""What people do with viewings by hand: book, move, cancel, complete, note a no-show, reopen; and their history."""
