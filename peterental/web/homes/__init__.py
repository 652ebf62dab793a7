"""Pages of the homes: the catalogue and its import."""
