"""Users: accounts, passwords, sessions, and throttling of password guesses."""
