"""What is true, and how near an honest computation comes to it: oracles, rounding bounds, comparison, sampling."""
