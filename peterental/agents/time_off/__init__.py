"""Time off: closures of the office, repeating blocks of agents, and the busy blocks that both consist of."""
