"""The code with its values as they are where a place in a loop has what it requires.

What one turn of a loop hands to the next is wrong where a term is missing, so that the values of the code as it was
written do not tell the term of the next turn. They do where each turn gets what it lacks.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reference.gradients.repair import building as b
from reference.gradients.repair.asked import Sample
from reference.gradients.repair.instrument import State
from reference.gradients.repair.required import Requirement
from reference.gradients.repair.running import Running
from reference.gradients.repair.view import View


@dataclass(frozen=True)
class Correcting:
    """Makes views of code in which something is added at a place.

    Attributes
    ----------
    running
        The code.
    samples
        The sample of each run of the view.
    runs
        What was recorded of the code as it was written.
    given
        As of a `View`.
    """

    running: Running
    samples: Sequence[Sample]
    runs: Sequence[State]
    given: Sequence[ast.expr]

    def view(self, found: Requirement) -> View:
        """The code with its values where the place of a requirement has what it requires."""
        place = found.place
        added = b.plus_given(place.expression)
        runs = []
        for number, sample in enumerate(self.samples):
            # The second run is the first one for twice the cotangent.
            of_run, factor = (0, 2.0) if number == 1 else (number, 1.0)
            moves = [move for case, move in zip(found.cases, found.moves, strict=True) if case[0] == of_run]
            if moves:
                runs.append(self.running.corrected(sample, factor, place, added, factor * np.array(moves)))
            else:
                runs.append(self.runs[number])
        return View(self.running.sites, runs, self.samples[0].cotangent, self.given)
