"""Sources of truth: each answers an `Estimate`, a value and a bound on its own error."""
