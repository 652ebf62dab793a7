"""The page behind the link of an offer of the waitlist."""
