"""The list of viewings: filters, sorting, pages, search and export."""
