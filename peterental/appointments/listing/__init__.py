"""The list of viewings: filtered, sorted, paged, searched, and as a file."""
