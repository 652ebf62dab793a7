"""Pages of time off: what is ahead, closures of the office, public holidays, repeating blocks."""
