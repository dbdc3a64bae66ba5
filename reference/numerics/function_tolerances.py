"""The table of tolerances, continued: second opinions on slopes, ties, many numbers and staircases in `check_vjp`.

As in `reference.numerics.tolerances`, each constant stands here with its unit and its reason.
"""

from __future__ import annotations

# A second opinion on a slope (`reference.gradients.differences`)

#: The steps of the second opinion on a slope, the longest first.
TAYLOR_STEPS = tuple(2.0**-power for power in range(4, 33, 2))
#: A factor on rounding for it. A choice: two values are subtracted.
TAYLOR_SAFETY = 64.0
#: The part of the error in question that rounding may be at a step that decides. A choice.
TAYLOR_CLEAR = 0.25
#: How many of the shortest steps that decide are believed.
TAYLOR_LAST = 3

#: An entry below this part of its step is small: it is not moved along when another one is. A choice: ordinary numbers
#: are seldom as small, and what they lose there is lost near them too.
SMALL_ENTRY = 2.0**-6

# Points without a derivative (`reference.gradients.ties`)

#: A gradient that is outside all gradients nearby by more than this is wrong for certain: in unit roundoffs of the sum
#: of the cotangent's absolute values. A choice: what p - t loses of a probability next to 1 is less.
LOST_UNITS = 64.0
#: How far a point is moved to a generic one nearby, as a fraction of the largest number. A choice: beyond what a
#: comparison with a tolerance takes for equal (1e-5), and next to an eighth, by which short numbers differ.
TIE_DISTANCE = 2.0**-10
#: How much nearer the second look at a possible jump is. A choice.
TIE_NEARER = 2.0**-8
#: A value that far from the one at the point, as a fraction of the distance before, does not come near it: a jump. Even
#: a square root leaves 2^-4.
TIE_JUMP = 0.5
#: How many limits of gradients are looked for at first, and how many more where an entry lies outside them. A choice:
#: a piece that one point in six shows is missed by all with a probability of 1e-5.
TIE_LIMITS = 10
#: See `TIE_LIMITS`.
TIE_MORE_LIMITS = 50
#: How many times farther than the others an entry is moved, so that it is the largest, or the smallest.
TIE_BOOST = 3.0
#: Gradients that grow by more than this at half the distance have no limit: a square root's grow by 1.41.
TIE_GROWTH = 1.3
#: Gradients at the two distances that differ by more than this fraction belong to different pieces. A choice.
TIE_KINK = 0.1
#: At a kink the slopes before and after it differ as much at half the distance; elsewhere by a half. A choice between.
TIE_STAYS = 0.75
#: The error of the extrapolated limit as a fraction of the difference of the two it is made of. A choice: it is that
#: difference times the distance for a smooth piece.
TIE_ERROR = 2.0**-4
#: What two limits may differ by as a fraction of the largest entry. A choice: the rounding of gradients, and curvature.
TIE_RELATIVE = 1e-7
#: How many random directions of each kind keep the ties. A choice.
TIE_DIRECTIONS = 2
#: How many limits are taken with all entries outside theirs moved farther, each way. A choice of time.
TIE_TOGETHER = 2
#: How many entries outside their limits are looked into. A choice of time.
TIE_ENTRIES = 4
#: How often both ends of an entry's limits must have been met. A choice.
TIE_OFTEN = 3
#: A singular value below this fraction of the largest is none.
TIE_RANK = 1e-4
#: So many limits more than their differences have dimensions show that there are no further dimensions. A choice.
TIE_SATURATED = 5

# Many numbers (`reference.gradients.large`)

#: Beyond so many numbers the calls of the forward pass are counted. A choice of time: judged one by one so many take
#: two seconds.
LARGE = 5_000
#: The two steps along a direction, as parts of how far entries may be moved. A choice: what a cubic term leaves is
#: 2^-26 of it, and rounding 2^-40.
LARGE_STEPS = (2.0**-12, 2.0**-13)
#: A factor on the difference of the slopes by the two steps, which is the error of the second one three times.
LARGE_SAFETY = 4.0
#: Unit roundoffs that each value is granted there. A choice: nobody follows so many numbers through their operations.
LARGE_UNITS = 16.0

#: A direction of all arguments judges one of them if a typical entry of its gradient, off by this part of itself, would
#: be seen. A choice: half of what is promised.
LARGE_SEEN = 5e-4

# Noise (`reference.gradients.noise`)

#: Values that scatter by more than this part of the largest are noisy, which is told. A choice: ten thousand unit
#: roundoffs, far above the sums of ordinary layers and far below single precision.
NOISE_TOLD = 1e-12
#: How far values are looked at around a place. A choice: beyond the resolution of single precision, 2^-24, and so near
#: that a cubic term leaves 1e-14 or less.
NOISE_RANGES = (2.0**-16, 2.0**-18)

# Staircases (`reference.gradients.staircases`)

#: Beyond it every double is a whole number, or nearly.
WHOLE_DOUBLES = 2.0**50
#: Places along a line at which a step is looked for, and how often the stretch with the largest change is halved. A
#: choice: a smooth change is then 2^-20 of what it was.
STAIRCASE_PLACES = 65
#: See `STAIRCASE_PLACES`.
STAIRCASE_HALVINGS = 20
#: A change that large a part of the first one is a step. A choice between 2^-20 and 1.
STAIRCASE_JUMP = 0.1

# Roundings of a gradient whose operations cannot be followed (`reference.gradients.hidden`)

#: How far arguments are moved for them, as a part of their size. A choice: far above a unit roundoff times the largest
#: logarithm of a double, 2^-43; and so near that a smooth function is a parabola but for 2^-72 of its third derivative.
SCATTER_REACH = 2.0**-24
#: A factor on the distances from that parabola, a sample of some dozen roundings. A choice.
SCATTER_SAFETY = 4.0
