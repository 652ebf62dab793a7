"""The calendar of an agent: week, day sheet, statistics and booking summaries."""
