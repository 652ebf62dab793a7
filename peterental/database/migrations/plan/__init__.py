"""The dry run behind `flask db-plan`."""
