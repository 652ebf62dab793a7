"""The schema as canonical SQL: read from the catalogs, ordered by dependencies, independent of schema and version."""
