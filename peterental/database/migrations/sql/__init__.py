"""PostgreSQL's grammar and tokens, and where in a file an error is."""
