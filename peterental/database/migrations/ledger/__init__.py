"""The table schema_migrations and its attempts: read, compared and written."""
