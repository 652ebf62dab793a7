"""Phone calls, what the robot asked in each, and messages taken."""
