"""True values and how near an honest computation comes to them: oracles, rounding bounds, comparison, sampling."""
