"""Everything that is reached over HTTP: pages, forms and templates, one folder per feature."""
