"""The table of tolerances, continued: how near a known mistake has to come to the answers to be named.

As in `reference.numerics.tolerances`, each constant stands here with its unit and its reason. None of them decides
whether an answer is wrong: that has been found before.
"""

from __future__ import annotations

#: How near two numbers are that differ by rounding, as a part of the number. A choice.
SAME_NUMBER = 1e-9
#: The same as a part of the largest number beside it. A choice.
SAME_BESIDE = 1e-11
#: How near the derivative of the recorded graph has to be to what the oracle says. A choice: differences tell so much.
SAME_TRUTH = 1e-5
#: The part of the largest number by which answers in single precision differ from the truth, whose error may be more.
SINGLE_ANSWERS = 1e-5
#: The same for half precision.
HALF_ANSWERS = 1e-2
#: How far estimates of one constant may lie apart. A choice.
SAME_CONSTANT = 1e-6
#: Factors are as near as this to what they are called. A choice.
SAME_FACTOR = 1e-7
#: An edge of the graph has no effect where it changes nothing by more than this part of the largest. A choice.
NO_EFFECT = 1e-10
#: The step at which the slope of answers along a constant is measured. A choice: the root of the rounding, nearly.
CONSTANT_STEP = 1e-6
#: The same for a constant of the forward pass, as a part of the constant. A choice.
EPSILON_STEP = 1e-4
#: The step at which the slope of answers along a small epsilon is measured. A choice.
SHORT_STEP = 1e-7
#: How near a combination of known parts has to fit. A choice.
PARTS_FIT = 1e-8
#: What answers may differ by, as a part of each, where a Jacobian was used. A choice.
JACOBIAN_NUMBER = 1e-9
#: The same as a part of the largest. A choice.
JACOBIAN_BESIDE = 1e-10
#: The smallest step of finite differences that is looked for. A choice.
SMALLEST_STEP = 1e-12
#: Differences with a larger step than this have errors in which rounding does not show. A choice.
LARGE_STEP = 1e-3
#: How much of the squared errors of such differences may be left over, which the step's own digits decide. A choice.
LARGE_UNEXPLAINED = 1e-4
#: A move that is too small for a finite difference to see. A choice.
TINY_MOVE = 1e-12
#: The steps at which the order of finite differences is probed, for one-sided and central ones. A choice.
PROBES = {1: 1e-4, 2: 1e-2}
#: In how many entries of a gradient differences are taken to be compared. A choice of time: each takes two evaluations.
DIFFERENCE_ENTRIES = 64
#: What two gradients may differ by, as a part of each, and be the same. A choice.
GRADIENT_NUMBER = 1e-7
#: The same as a part of the largest. A choice.
GRADIENT_BESIDE = 1e-9
#: How far an argument is moved to see how each step moves with it. A choice: half of the digits, nearly.
PROBE_STEP = 1e-6
#: How near the effect of a change along one direction has to be to be tried in full. A choice, wide of the differences.
PROBE_AGREES = 1e-5
#: Added to a size that may be 0.
NOT_ZERO = 1e-300
#: numpy's own default for `np.isclose`, as a part of the second number.
ISCLOSE_PART = 1e-5
#: numpy's own default for `np.isclose`, besides.
ISCLOSE_BESIDE = 1e-8
#: Python's own default for `math.isclose`.
MATH_ISCLOSE = 1e-9
#: How near an edited gradient has to come to the truth, as a part of each number. A choice.
REPAIRED_NUMBER = 1e-8
#: The same as a part of the largest. A choice.
REPAIRED_BESIDE = 1e-10
#: How near two answers have to be, as a part of each number, where one is the other or twice the other. A choice, far
#: above rounding.
SAME_ANSWER = 1e-9
#: Steps, as `repair.running.Work` counts them, for the search of an edit that repairs a gradient. A choice: about 1 s.
REPAIR_STEPS = 9_000_000
#: How much more far-fetched another repair may be to be looked for. A choice.
REPAIR_MARGIN = 0.15
#: Constants as small as this are there to keep something from 0. A choice.
SMALL_CONSTANT = 0.05
#: What is left of the error of a gradient that an edit repairs in part. A choice.
NEARER = 0.8
#: Entries smaller than this part of the largest do not count where a product is looked for by its logarithm. A choice.
NOTHING_BESIDE = 1e-4
#: How near sums of logarithms have to be. A choice: what is left is compared number by number.
SAME_MARK = 1e-6
#: How much more far-fetched a repair may be that is as simple as another one. A choice.
AS_SIMPLE = 0.04
#: How many of its entries have to be moved by the same step for an array to be shifted, as a part of them. A choice.
MOST_ENTRIES = 0.5
