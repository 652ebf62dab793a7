"""PostgreSQL: the pool, the development server and the migration engine."""
