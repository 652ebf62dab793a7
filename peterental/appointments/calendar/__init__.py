"""What an agent's days look like: the week, one day on a sheet of paper, and figures of the past weeks."""
