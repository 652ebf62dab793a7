"""The pages on which visitors see and change their own viewings, behind signed links."""
