"""What agents are notified of, by e-mail and text: at once, in a morning list, or not at all."""
