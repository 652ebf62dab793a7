"""Migration files: discovery, directives, statements, checks."""
