"""The JSON API under /api/v1, for the office's own tools: the services of the pages, described by OpenAPI."""
