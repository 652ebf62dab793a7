"""E-mail: how a letter becomes a message, and the server that takes it."""
