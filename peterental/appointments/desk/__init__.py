"""What lies on the desk when an agent is to be booked: who that is, when they work, and what is taken."""
