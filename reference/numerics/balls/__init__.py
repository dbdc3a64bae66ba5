"""Ball arithmetic for any function of numpy or torch, as people write them; importing it imports flint."""

from reference.numerics.balls import linalg, more_functions  # which register the forms of numpy's functions
from reference.numerics.balls.evaluation import Enclosure, enclose, leaves_doubles
from reference.numerics.balls.languages import on_balls
from reference.numerics.balls.rebinding import rebound
from reference.numerics.balls.tape import Refused, Undecided

__all__ = [
    "Enclosure",
    "Refused",
    "Undecided",
    "enclose",
    "leaves_doubles",
    "linalg",
    "more_functions",
    "on_balls",
    "rebound",
]
