"""The commands db-adopt, db-repair, db-rollback and db-new, and the table of db-status."""
