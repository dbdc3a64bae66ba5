"""Oracles, the sources of expected values: each returns an `Estimate`, a value and a bound on its own error."""
