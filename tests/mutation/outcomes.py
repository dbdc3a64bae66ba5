"""mutmut's codes for what became of a mutant."""

KILLED, SURVIVED, UNTESTED, TIMEOUT = 1, 0, 33, 36
