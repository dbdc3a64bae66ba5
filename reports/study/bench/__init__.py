"""Benchmarks: one module each, listed in `registry`; nothing here prints."""
