"""Runs the assignment's experiments, draws its figures, writes its document; the command line."""
