"""The process that runs background jobs, and the tasks that it knows."""
