"""The HTTP side of the application: pages, forms and templates, one folder per feature."""
