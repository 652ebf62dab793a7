"""Background backfills: rows changed batch by batch, while the application serves."""
