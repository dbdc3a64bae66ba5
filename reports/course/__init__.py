"""Many submissions: found, judged a few at a time, and remembered. Nothing here prints."""
