"""Tolerances and tuning constants of ball arithmetic, with their reasons, as in `tolerances`."""

from __future__ import annotations

#: Precisions in bits, tried in this order. A choice: all together cost at most twice as much as the last one,
#: and a sum of doubles of all sizes needs 2,100 bits.
BALL_BITS = (128, 256, 512, 1024, 2048, 4096)
#: Bits of a number in double precision: a computation on balls of so many rounds as one in doubles does.
DOUBLE_BITS = 53
#: The same for single precision.
SINGLE_BITS = 24
#: A factor on the radius of such a computation, which is what doubles may be off by. Twice the radius is a theorem for
#: correctly rounded operations: both computations lie within it. The rest is a choice, for functions of libraries that
#: are off by several units in the last place, and for sums in another order.
RUNNING_SAFETY = 8.0
#: An enclosure whose radius is at most this fraction of its midpoint is exact enough: 2^-7 of a double's unit
#: roundoff.
BALL_RELATIVE = 2.0**-60
#: A factor on a radius that is converted to a double. Theorem: the conversion loses less than 2^-52 of it, and
#: this product rounds by 2^-53.
RADIUS_ROUNDING = 1 + 2.0**-50
#: How many numbers are evaluated in balls, which are exact and slow; beyond that the other oracles are asked. A
#: choice of time.
MOST_BALLS = 256
#: Significant digits from which a constant in a formula is taken for one that was rounded, such as 0.7978845608028654
#: for the root of 2 / pi. A choice: two fewer than a double holds, one more than people write of their own accord.
DECIMAL_DIGITS = 15
#: How far such a constant may be off, in units in its last place. A choice: a few operations in double precision.
DECIMAL_UNITS = 8.0
#: Operations after which an evaluation is given up. A choice: two to three seconds and 0.7 GB (measured).
MOST_OPERATIONS = 1_000_000
#: Comparisons after which an evaluation is given up. A choice: half a second to a second, and twice as many as it takes
#: to sort 10,000 numbers.
MOST_COMPARISONS = 300_000
#: Products of numbers in one matrix product after which an evaluation is given up. A choice: two seconds.
MOST_PRODUCTS = 20_000_000
#: Up to how many numbers all entries of a gradient are judged on balls, if they take no more than `MOST_OPERATIONS`. A
#: choice: 100,000 take 0.4 s and 150 MB in one operation each, 1.4 s and 480 MB in ten (measured).
MOST_JUDGED_WHOLE = 200_000
#: Of more numbers, how many entries are judged on balls. A choice of time, and of memory for the tape.
SAMPLED_ENTRIES = 5_000
#: How many numbers there may be for that. A choice: they take two to eight seconds and half a GB or more.
MOST_SAMPLED_FROM = 1_200_000
#: How far, as a power of two, generic points are from a point with a tie. A choice: far below every double, and far
#: above the rounding of `NEARBY_BITS`.
NEARBY_BITS_AWAY = 300
#: The least precision for such points. A choice: three times as many, so that cancellation leaves enough.
NEARBY_BITS = 1024
#: How far around its arguments a function is looked at, for all gradients as near as roundings may take them: a part of
#: the largest number, or of 1. A choice: 2^13 unit roundoffs.
AROUND_RADIUS = 2.0**-40
#: Numbers among the arguments of a function beyond which balls are not tried. A choice: its gradient then takes
#: seconds.
MOST_BALLS_AT_ONCE = 20_000
#: Entries of all arguments together up to which all orders of tied entries are looked at. A choice of time: there are
#: as many evaluations.
MOST_TIED_ENTRIES = 24
#: What an enclosure may be wide, as a fraction of the rounding that an answer is granted: then it adds nothing to that.
#: A choice.
RESOLUTION = 2.0**-20
#: How wide the difference of a formula and a derivative may be enclosed, as a part of the derivative, and be called 0.
#: A choice: thirty digits.
FORMULA_WIDTH = 1e-30
#: A formula that differs from the derivative by no more than this part of it is not called wrong. A choice: Newton's
#: iterations and series stop at a tolerance that suits doubles, and then agree to 24 digits or more, since what an
#: iteration that converges quadratically leaves is about the square of a double's unit roundoff, 1e-32.
FORMULA_AGREES = 1e-24
#: What is left of a series that was cut off falls at least by this factor where its argument is halved. A choice: it is
#: of the fourth order or higher, where what is added to a denominator, or a lost term, is of the first or second.
SERIES_FALLS = 2.0**-4
#: How often an argument is doubled to see whether what is left of a formula is that of an asymptotic series. A choice:
#: code moves an argument of 0.1 up to 20 or so, and three more doublings show the power.
ASYMPTOTIC_DOUBLINGS = 12
#: The least power with which that falls. A choice: series that suit doubles end with a power of 12 and more, and a
#: number in a denominator is seen to fall with one of 4 at most.
ASYMPTOTIC_POWER = 8.0
#: How much the power may differ between two doublings. A choice: what is next in the series changes it by less, and a
#: number beside an exponential doubles it.
ASYMPTOTIC_STEADY = 1.4
#: Digits of sixteen that a formula has to lose before that is told. A choice: a few are lost by every long sum.
DIGITS_TOLD = 4
#: How many cases the formula of a gradient is compared in. A choice of time.
FORMULA_CASES = {"quick": 6, "normal": 20, "exhaustive": 60}
#: How often each kind of case is drawn in which a method of the lab is compared with its definition. A choice of time:
#: "normal" takes less than 50 ms for each method.
FORMULA_ROUNDS = {"quick": 1, "normal": 2, "exhaustive": 20}
#: How many numbers among the arguments in all cases together. A choice of time: about two seconds.
FORMULA_NUMBERS = 10_000
#: How wide the difference may stay, for constants that were rounded, and the formula be judged at all. A choice.
FORMULA_KNOWN = 1e-6
#: The smallest normal double: below it numbers have fewer digits to lose.
SMALLEST_NORMAL = 2.0**-1022
#: At how many ordinary inputs a forward pass is compared with itself in ball arithmetic, to agree at one at least. A
#: choice: the given numbers may be such that all digits are lost there.
PLACES_TRIED = 4
#: How often all arguments are moved by a rounding, the first time all in one direction, to see what a rounded constant
#: does to a gradient. A choice.
ROUNDED_ARGUMENTS = 3
#: What a formula may be off in absolute terms, in units of the gradient where that is above 1. A choice: guards against
#: overflow change numbers at the end of the range of doubles, 1e-304 say, and nothing above it.
FORMULA_FLOOR = 1e-280
#: Where 0 is due, or may be, a difference is measured by this part of the largest number. A choice: sixty digits.
FORMULA_ZERO = 1e-60
#: What a method of the lab may be off from its definition in absolute terms. A choice: twice the smallest normal
#: double, at which people clip so that nothing is 0; what is larger is a number like others.
DEFINITION_FLOOR = 2 * SMALLEST_NORMAL
#: Bits with which the constant is found that is wrong in a formula. A choice: 1e-300 has to be seen beside 1.
CONSTANT_BITS = 2048
#: How far such a constant may be off, as a part of it, where numbers in double precision enter. A choice: far more than
#: a few roundings.
CONSTANT_ROUNDING = 1e-9
#: How well it has to be known, as a part of it, to be told. A choice: three digits; what rounded constants in the code
#: leave open may be all there is of it.
CONSTANT_KNOWN = 1e-3
#: From what size on it is none that people take for nothing. A choice: answers in doubles show it, and other mistakes
#: give the same answers.
CONSTANT_SMALL = 1e-3
#: By what part a number may differ, where others are taken for 0 that are added to it. A choice: those are smaller.
OTHERS_LEFT = 1e-10
