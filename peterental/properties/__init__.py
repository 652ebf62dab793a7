"""The homes of the office: the catalogue, its import, and which of them a caller means."""
