"""When an agent works: the hours of each weekday, days that differ, and times taken by something else."""
