"""The work behind the report: its parts, what is kept of them from one run to the next, and all their numbers."""
