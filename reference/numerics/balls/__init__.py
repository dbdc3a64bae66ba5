"""Ball arithmetic for any function of numpy or torch, as people write them; importing it imports flint."""

from reference.numerics.balls import linalg, missing, more_functions  # which register the forms of numpy's functions
from reference.numerics.balls.array import of_enclosures
from reference.numerics.balls.evaluation import Enclosure, around, beyond_doubles, enclose, leaves_doubles, sampled
from reference.numerics.balls.formulas import Difference, as_result, compared, difference
from reference.numerics.balls.languages import on_balls
from reference.numerics.balls.rebinding import rebound, rebound_together
from reference.numerics.balls.running import roundings
from reference.numerics.balls.tape import Refused, Undecided

__all__ = [
    "Difference",
    "Enclosure",
    "Refused",
    "Undecided",
    "around",
    "as_result",
    "beyond_doubles",
    "compared",
    "difference",
    "enclose",
    "leaves_doubles",
    "linalg",
    "missing",
    "more_functions",
    "of_enclosures",
    "on_balls",
    "rebound",
    "rebound_together",
    "roundings",
    "sampled",
]
