"""The feeds that calendar programs subscribe to."""
