"""The page about personal data."""
