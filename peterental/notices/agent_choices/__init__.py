"""What agents are told, by e-mail and text: at once, in a morning list, or not at all."""
