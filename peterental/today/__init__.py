"""What the day brings and what needs a person, over all features."""
