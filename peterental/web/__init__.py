"""The HTTP side: pages, forms and templates, one folder per feature."""
