"""Pages of the users and of the viewer's account."""
