"""The lab's contract: what its classes promise, the checks of it, and the known mistakes."""
