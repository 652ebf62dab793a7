"""Lines that book for several agents."""
