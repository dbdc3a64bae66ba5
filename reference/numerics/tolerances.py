"""Every tolerance and tuning constant of the examiner, with its unit and its reason.

A bound that is a theorem is computed where it is proved (`reference.numerics.rounding`, `network_rounding`). Here are
the numbers that were chosen, measured, or taken from a source. What is asked (sizes of cases, leads of logits, seeds)
is with the checks, and limits on processes are in `reference.execution`.
"""

from __future__ import annotations

# Units

#: The unit roundoff of double precision (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 2.1).
DOUBLE_UNIT = 2.0**-53
#: The unit roundoff of single precision.
SINGLE_UNIT = 2.0**-24
#: The smallest positive double, and the smallest positive single: the absolute error of an operation that underflows
#: (IEEE 754, subnormal numbers).
SMALLEST_DOUBLE = 2.0**-1074
#: See `SMALLEST_DOUBLE`.
SMALLEST_SINGLE = 2.0**-149
#: The error of a sum of n terms, per term, as a fraction of the sum of their absolute values. Theorem: gamma(n) = n u /
#: (1 - n u) for products and sum together (Higham 2002, section 3.1), which is below 2 n u.
SUM_ROUNDING = 2 * DOUBLE_UNIT
#: Unit roundoffs by which arguments are moved at random to see other rounding errors. Two are the distance of
#: neighbouring numbers, so that every argument moves, and hardly farther than rounding would move it.
PERTURBATION_UNITS = 2.0

# Comparison of two answers (`reference.numerics.compare`)

#: How many bounds of the right formula two codings of one wrong formula may be apart. A choice: two codings of the
#: right formula are at most 2 apart, by theorem, but no theorem covers wrong ones.
CODINGS_BOUNDS = 32.0
#: What they may be apart besides, as a fraction of the value. A choice: nine thousand unit roundoffs.
CODINGS_RELATIVE = 1e-12

# Rounding bounds (`reference.numerics.rounding`, `network_rounding`): theorems but for the library functions

#: Units in the last place that exp and log of a mathematical library may be off. Measured: numpy's exp
#: and log in single precision are off by 2.52 and 3.83 (numpy pull request 13134), the worst in use; Intel's library in
#: numpy states 4 (numpy pull request 19478).
LIBRARY_ULPS = 4.0
#: A factor that covers products of two errors of at most 2^-11 each, and the rounding of the bounds themselves.
#: Theorem for sums of n terms with n u < 2^-12, which the module assumes.
SECOND_ORDER = 1 + 2.0**-10
#: The largest relative error that is granted to exp(x - lse), and the largest error to -log1p(-the sum of the other
#: probabilities). A choice: a coding that is off by a thousandth is not honest.
MAX_ERROR_THROUGH_LSE = 2.0**-10
#: For a logit farther than this below the maximum exp is 0, however it is rounded: exp(-1500) is 2^-2164, below
#: the smallest double squared.
FAR_LOGIT = 1500.0
#: A factor that covers the rounding of the bounds of a network, which are sums of at most 2^20 terms in double
#: precision. Theorem: such a sum rounds by 2^-32 of itself at most.
OWN_ROUNDING = 1 + 2.0**-20
#: The smallest probability of a target for which the answers to a whole batch are bounded. A choice: 1 / p and its
#: products with numbers below 2^100 do not overflow.
SMALLEST_TARGET = 2.0**-900
#: The usual rounding error of softmax and loss together, in unit roundoffs of probability plus target. A choice: it
#: is no bound, and decides only when `directions` searches, not what is wrong.
TYPICAL_LOSS_UNITS = 4.0

# Random directions (`reference.numerics.directions`)

#: The largest ratio of two scales: an entry without any rounding error would need an infinite scale, beside which the
#: other entries vanish. A choice.
MAX_SCALE_RATIO = 2.0**40
#: The largest exponent of a scale. A choice: products with numbers below 2^600 do not overflow.
LARGEST_SCALE_EXPONENT = 400
#: How many directions must pass. Each misses a wrong entry with the probability that the module's docstring gives,
#: all with its third power. A choice: each costs a forward pass.
DIRECTIONS = 3
#: Standard deviations of rounding at which an alarm is raised: false with a probability of 2e-9, and an alarm is no
#: verdict.
ALARM_SIGMAS = 6.0

# The complex step (`reference.numerics.oracles.complex_step`)

#: The step for arguments and directions of size 1: its square, 2^-666, is far below rounding (Martins, Sturdza and
#: Alonso 2003), and a derivative has to be below 2^-689 for its product with the step to be subnormal.
COMPLEX_STEP = 2.0**-333
#: The smallest step: its products with derivatives below 2^-122 are subnormal.
SMALLEST_COMPLEX_STEP = 2.0**-900
#: The largest step as a fraction of the argument, so small that its square vanishes beside 1 in double precision.
LARGEST_COMPLEX_STEP = 2.0**-100
#: The second step as a fraction of the first: both give the same derivative unless the first is too large, or
#: something underflows. It divides the truncation error by 2^128, so that the difference shows all of it.
SECOND_COMPLEX_STEP = 2.0**-64
#: If the derivatives by the two steps differ by a larger fraction, one of the steps is not usable. A choice: 2^33
#: unit roundoffs, and far below the error of a step that is too large or underflows.
COMPLEX_STEPS_AGREE = 2.0**-20
#: A factor on measured rounding errors, since a handful of points only estimates them. Measured: 0 of 6,600 derivatives
#: outside, the largest error at 0.03 of the estimate (tests/test_safety_factors.py).
COMPLEX_ROUNDING_SAFETY = 8.0
#: A factor on the scatter of random roundings of a complex step. Measured: see tests/test_honest_errors.py.
COMPLEX_SCATTER_SAFETY = 5.0
#: How many times longer than the measured one a direction may be for the measured rounding error to hold. A choice: the
#: safety factor covers it.
MEASURED_LENGTH = 2.0
#: A factor on the steps of the finite differences that confirm it, so that hardly any kinks lie within them. A choice:
#: it costs them 12 bits of accuracy.
CONFIRMING_STEP = 2.0**-12
#: Finite differences decide the comparison if their error is below this fraction of the derivative. A choice: an
#: imaginary part that is lost, or has the wrong sign, makes a difference of 1 or 2.
CONFIRMING_ERROR = 2.0**-7
#: The number of points at which rounding is measured. A choice: a parabola takes 3 of them, and 6 show rounding; each
#: costs a forward pass.
COMPLEX_ROUNDING_POINTS = 9
#: The range of these points as a fraction of the arguments: so small that a smooth function is a parabola there, up to
#: 2^-72.
COMPLEX_ROUNDING_RANGE = 2.0**-24

# Finite differences (`reference.numerics.oracles.finite_differences`)

#: How many times the step is halved; extrapolation removes one more power of the step each time (Ridders
#: 1982, Accurate computation of F'(x) and F'(x) F''(x), Adv. Eng. Softw. 4(2)). A choice: the last step is 2^-11 of the
#: scale, where rounding still leaves 12 digits.
DIFFERENCE_LEVELS = 9
#: The first step as a fraction of the argument's size: rounding leaves some 14 digits of a smooth function.
FIRST_DIFFERENCE_STEP = 0.125
#: A factor on truncation and rounding errors, since both are estimates. Measured: 0 of 6,600 derivatives outside, the
#: largest error at 0.10 of the estimate (tests/test_safety_factors.py).
DIFFERENCE_SAFETY = 8.0
#: Halving the step multiplies the gap of one-sided differences by 1/2 for a smooth function, by 1 at a kink: a kink
#: above this. A choice between the two, nearer to 1/2, since a missed kink costs a wrong derivative.
KINK_RATIO = 0.6
#: A gap is rounding alone up to so many rounding errors of a difference: it is made of four values, f(h) - 2 f(0) +
#: f(-h).
KINK_ROUNDINGS = 4.0
#: The least rounding error of two numbers that are subtracted, as a fraction of the larger: a unit in its last place.
LEAST_DIFFERENCE_ROUNDING = 2 * DOUBLE_UNIT
#: The number of points at which rounding is measured: see `COMPLEX_ROUNDING_POINTS`.
DIFFERENCE_ROUNDING_POINTS = 9
#: The range of these points as a fraction of the argument's size: a smooth function is a parabola there up to 2^-81.
DIFFERENCE_ROUNDING_RANGE = 2.0**-27

#: The scale over the smallest step, 2048: it follows from the steps of `finite_differences`.
STEP_RATIO = 2.0 ** (DIFFERENCE_LEVELS - 1) / FIRST_DIFFERENCE_STEP
#: Steps as fractions of the scale that must not speak against what longer ones have found. A choice: that of the places
#: where rounding is measured, and one at which doubles still have some digits of a step.
CLOSE_STEPS = (2.0**-27, 2.0**-38)
#: The same as fractions of the argument, where that is smaller than all steps. A choice.
OWN_STEPS = (2.0**-3, 2.0**-6)
#: A factor on the noise of the values there. A choice: that on the scatter of random roundings.
CLOSE_SAFETY = 16.0

# PyTorch (`reference.numerics.oracles.torch_autograd`)

#: Unit roundoffs by which its special functions may be off (digamma's derivative by 4e-10). Measured against balls.
ROUGH_UNITS = 2.0**24

# Random roundings (`reference.numerics.random_rounding`)

#: How often a computation is repeated with every operation rounded at random. A choice: each costs some ten
#: microseconds an operation, and that all of them miss a cancelled rounding by a factor of 10 has a probability
#: below 1e-3.
RANDOM_ROUNDINGS = 5
#: A factor on the largest scatter of these runs. Measured: see tests/test_honest_errors.py.
RANDOM_ROUNDING_SAFETY = 10.0
#: By how many units the result of a whole operation is moved: by more than its operands are, or the two might cancel.
UNITS_OF_WHOLES = 3.0

# Operations that rounding takes into another regime (`reference.numerics.regimes`)

#: By what part of its reach (1 / u: of u) an operand may be moved for results to scatter as the true error does. A
#: choice: the safety factor of 10 then covers an error three times what the runs show.
PART_OF_REACH = 0.2
#: exp of a number below minus this is 0 in doubles, and below every number that counts there.
EXPONENT_OF_UNDERFLOW = 750.0
#: Beyond it tanh and its like are their limits in doubles, and their slopes below 1e-17. A choice.
SATURATED = 40.0
#: A number beyond doubles is at least as large as this, also after a few products and quotients with moderate numbers.
LEAST_OVERFLOW = 1e300
#: Numbers up to this, and down to its inverse, are moderate there. A choice: six such factors lead from the largest
#: double to `LEAST_OVERFLOW`.
OVERFLOW_FACTOR = 16.0

# The lab's contract (`reference.lab`)

#: What <delta, direction> may be off besides the error of the differences, relative to its terms. A choice:
#: 2^17 unit roundoffs for the gradient's own rounding, since other checks judge its values by theorems.
OWN_FORWARD_MARGIN = 2.0**-36
#: The same for a network's gradient and its own mean loss, for the same reason.
OWN_LOSS_MARGIN = 2.0**-36
#: How many times each kind of random case is drawn, by effort. A choice of time: "normal" takes
#: less than a second for a right implementation.
ROUNDS = {"quick": 1, "normal": 8, "exhaustive": 60}
#: How many of these rounds there are for one deep net, which takes as long as many small ones. A choice of time.
ROUNDS_PER_DEEP_NET = 8
#: Draws at each size in the search for a smaller counterexample: a mask, say, shows only where a number is
#: negative. A choice: one number is positive three times with a probability of 1/8, and there are larger sizes.
SMALLEST_TRIES = 3
#: Units nearer to 0 than this are drawn anew: rounding must not decide what ReLU does. Measured: the bound on
#: the rounding of a unit is at most 2.1e-13 in 40 nets of each shape.
UNIT_MARGIN = 1e-6
#: Logits farther apart are drawn anew: probabilities that underflow are left to other checks. A choice:
#: exp(-100) = 4e-44 is far from the smallest double.
LOGIT_SPREAD = 100
#: What an initial weight may be off, as a fraction of it. Theorem: the normal number is the same, and all else is
#: rounded. rng.normal(0, sqrt(2 / n)), with which it is compared, has 2.5 unit roundoffs: the quotient, halved by the
#: root, the root, and the product. The longest honest codings have 5: sqrt(2) * n**-0.5 times the number, where a power
#: of a mathematical library is off by one unit in the last place, that is by two unit roundoffs; two roots of numbers
#: that are rounded, their product, and the product with the number have 4.5. Half a unit covers what is of second order
#: (tests/test_rounding.py counts them).
INITIAL_WEIGHT_ROUNDING = 8 * DOUBLE_UNIT
#: Weights whose standard deviation is right to this fraction of it come from the right law by another generator. Of
#: 2,000 normal numbers it is right to 1.6%, so that this is six standard deviations.
SAME_DEVIATION = 0.1
#: What W + dW may be off, as a fraction of it. Theorem: one addition rounds by one unit roundoff, in the answer and in
#: what it is compared with.
UPDATE_ROUNDING = 2 * DOUBLE_UNIT
#: What W - alpha dW may be off, as a fraction of |W| plus the result. Theorem: the sum rounds by one unit
#: roundoff of the result, in the answer and in what it is compared with; the product with alpha = 1/8 is exact. |W|
#: comes on top, for whoever computes in another order.
TRAINING_STEP_ROUNDING = 2 * DOUBLE_UNIT
#: How many bounds the gradient after a step of training may be off. One is for the gradient; the other is for the new
#: parameters, which are rounded: that moves units and logits no farther than the roundings that the bound covers.
AFTER_STEP_BOUNDS = 2.0

# Rounding of a function whose formula is not known (`reference.gradients.tolerance`)

#: A type wider than double is used if its spacing at 1 is below this: 2^-63 in x86's extended precision, while some
#: systems have doubles under the name of long doubles.
EXTENDED_EPSILON = 2.0**-60
#: The relative distance of the second point, at which an error that is 0 by accident does not repeat itself. A choice:
#: so near that rounding errors have the same size, so far that all roundings differ.
NEARBY = 2.0**-20
#: A factor on rounding that is measured by computing in the wider type. A choice: the measurement at two points is
#: exact but for 2^-11 of it, and may be small at both by accident. Measured: 0 of 6,600 derivatives outside, the
#: largest error at 0.50 of what is granted (tests/test_safety_factors.py).
MEASURED_FACTOR = 2.0
#: Unit roundoffs of the answer itself that are granted besides. A choice: the last operations of a formula round by
#: one each, and may all be exact at both points.
LAST_ROUNDINGS = 4.0
#: Smallest normal numbers that are granted besides: results below them have lost digits. A choice: a few operations
#: that underflow.
UNDERFLOWS = 4.0
#: How often the arguments are moved by roundings where the wider type tells nothing. A choice: each costs a call.
CONDITIONING_PROBES = 4
#: A factor on the conditioning that these probes show: an estimate from a handful. Measured, with the next constant: 0
#: of 6,600 derivatives outside, the largest error at 0.84 of what is granted (tests/test_safety_factors.py).
CONDITIONING_SAFETY = 16.0
#: Unit roundoffs of the size of intermediate results. A choice, since they are not seen: some dozens of operations.
INTERMEDIATE_UNITS = 64.0
#: Unit roundoffs of an answer, times the largest argument, that an estimate may grant at most where the wider type told
#: less. A choice: intermediate results that are a thousand times larger and round some dozens of times stay below it,
#: and a wrong answer at a single input, which the estimate takes for bad conditioning, does not.
HIDDEN_UNITS = 2.0**16

#: The largest intermediate result that is assumed where the code cannot be followed, however large its arguments are. A
#: choice: exponents and differences of ordinary arguments.
LARGEST_UNSEEN = 1e3

# The derivative of any forward pass (`reference.gradients.differences`)

#: An estimate without three digits, in units of function size over step size, is taken for none: the steps were too
#: large. A choice: three digits are no accident.
SHARP = 1e-3
#: How many times the error of the differences a derivative must be for them to confirm the complex step. A choice:
#: three digits must agree, which no accident gives.
CONFIRMED_CLEAR = 1e3
#: The error of an output that is 0 throughout. A choice: above numbers that underflow (2e-308), and below
#: any that matter.
ZERO_OUTPUT_ERROR = 1e-300
#: The steps of the second opinion over those of the first. No power of two, so that a period does not fit both.
SECOND_STEP_RATIO = 0.013
#: The scale over the size of the argument. A choice, and no power of two: a function periodic on the binary grid would
#: look constant.
STEP_SCALE = 0.87
#: The smallest scale in units of the argument's last place: the smallest step then has 64 of them, so that
#: rounding x + t changes it by less than 1%.
FEWEST_PLACES = STEP_RATIO * 64
#: A factor on the error that differences state of themselves, which is an estimate. Measured, with the next constants:
#: 0 of 6,600 derivatives outside, the largest error at 0.03 of the estimate (tests/test_safety_factors.py).
STEP_SAFETY = 1.0
#: How many roundings a difference has, which `finite_differences` counts once more.
BOTH_ENDS = 2.0
#: What is granted relative to the derivative where x + t is exact for each step t. A choice.
STEP_ROUNDINGS = 16 * DOUBLE_UNIT
#: What rounding x + t does to the shortest step t, relative to the derivative, if x is as large as the scale: x + t
#: rounds by one unit roundoff of x.
SHORTEST_STEP_ROUNDING = STEP_RATIO * DOUBLE_UNIT
#: The scale over the largest move from the point; the first step is an eighth of the scale, so that it
#: stays inside the domain.
STEP_REACH = 7.0

# Definitions (`reference.gradients.specification`)

#: Two ways to evaluate one definition agree to this fraction, or they mean different functions. A choice: far above
#: rounding, far below the difference of two functions.
READINGS_AGREE = 1e-6
#: Unit roundoffs of what PyTorch's gradient is subtracted from (see `size_of_gradient`). A choice: a
#: few operations on numbers of that size.
TORCH_INTERMEDIATE_UNITS = 32.0
#: Unit roundoffs of the largest argument that an exponent x - log S loses. A choice: the
#: difference, the logarithm and its sum round by one each, a library's functions by some more.
TORCH_EXPONENT_UNITS = 8.0

# Any function's checks (`reference.gradients`: cases, context, judge, promises, values)

#: How many cases of normal numbers are drawn, by effort. A choice of time.
NORMAL_CASES = {"quick": 1, "normal": 3, "exhaustive": 40}
#: How many cases a caller's generator draws, by effort. A choice of time.
DRAWN_CASES = {"quick": 3, "normal": 8, "exhaustive": 40}
#: How many cases are drawn near the given arguments where what is drawn freely is not legal. A choice of time.
NEAR_CASES = {"quick": 4, "normal": 10, "exhaustive": 40}
#: By what part of themselves, or of the largest, numbers are moved there. A choice: a few percent leave a matrix
#: definite that is well-conditioned, and a thousandth one that is not.
NEAR_PARTS = (0.03, 0.1, 0.3, 1e-3)
#: What all of them are multiplied by. A choice: a gradient that suits one size alone is seen by another.
NEAR_FACTORS = (1.0, 1.0, 2.0, 0.5, 1.0, 8.0, 0.0625)
#: How often arguments are drawn until the caller says that they are legal. A choice of time: of 16 draws one is legal
#: with a probability of 99% where one in four is.
LEGAL_TRIES = 16
#: How many cotangents are drawn for each case, by effort. A choice of time: the gradient is linear in them, which
#: has a check of its own.
COTANGENTS = {"quick": 1, "normal": 2, "exhaustive": 4}
#: In single precision the square of a larger number overflows, and that of a number below its inverse
#: underflows (the largest single is 3.4e38, the smallest normal one 1.2e-38).
LARGEST_SINGLE = 1e18
#: How many entries of one argument are judged one by one in a case; the others are judged along random directions.
#: A choice of time.
ENTRIES = {"quick": 6, "normal": 48, "exhaustive": 4096}
#: How many entries that are no numbers are judged one by one, since a sum with them says nothing. A choice: one is
#: enough to fail.
NOT_FINITE_ENTRIES = 8
#: A common factor counts where truths are so many times their error, which leaves three digits to the quotients,
FACTOR_CLEAR = 1e3
#: and at so many entries at least (a choice: two may agree by accident),
FACTOR_ENTRIES = 3
#: and all answers are the truth times that factor, up to their errors and this fraction. A choice: the factor is a
#: median of quotients, each with an error of a thousandth at most, and mistakes are factors such as 2 or -1.
FACTOR_RELATIVE = 1e-9
#: Unit roundoffs by which a factor may be off -1 and still be a sign. A choice: a few roundings of each entry.
FACTOR_UNITS = 64.0
#: Units in the last place of the largest entry by which the same sum may differ from call to call, since threads add
#: in any order. A choice, since the terms of the sum are not known.
REPEATED_ULPS = 256.0
#: Multiples of a cotangent by which linearity is judged. Powers of two, so that they multiply without rounding.
LINEARITY_SCALES = (2.0**-30, 2.0**30)

# Names of mistakes (`reference.lab.behaviour`, `composition`, `estimation`, `telling_apart`): none of these decides
# whether an answer is wrong

#: The unit roundoff of half precision (IEEE 754, binary16).
HALF_UNIT = 2.0**-11
#: The smallest positive number of half precision.
SMALLEST_HALF = 2.0**-24
#: How large the largest error of an answer in low precision is, in bounds of that precision, in at least half of the
#: answers. A choice: an honest coding in that precision is seldom nearer to the truth.
TYPICAL_LOW_PRECISION = 2.0**-7
#: Steps of difference quotients that are tried: powers of ten, square root and third root of a double's spacing.
QUOTIENT_STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 2.0**-26, 6e-6)
#: What is added to a denominator that may be 0, far below every number that counts there.
NEXT_TO_NOTHING = 1e-300
#: A constant that is smaller than the smallest number of the answers by this factor has no effect on them.
WITHOUT_EFFECT = 1e-18
#: How far a rounder number may be from an estimate, as a fraction. A choice: estimates come from rounded answers.
NEAT_RELATIVE = 1e-4
#: From which relative error on one wrong entry tells as much as another about a constant. A choice.
FAR_OFF = 1e-3
#: The range in which constants of one and a half, three and six times a power of ten are tried too.
NEAT_RANGE = (1e-3, 1e3)
#: The smallest power of ten that is tried for a constant: that of the smallest double.
SMALLEST_CONSTANT = 1e-323
#: How far two codings of one wrong formula may be apart in calls for which there is no theorem, relative to the largest
#: entry. A choice: mistakes that are to be told apart differ by far more.
CODINGS_APART = 1e-9
