"""Import homes from files of other systems: read, map, preview, and apply what changed."""
