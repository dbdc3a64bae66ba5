"""Draws the figures of the report and of verdicts: pure functions from numbers to figures.

No other package imports matplotlib. ``style`` has the look of all figures; the other modules draw.
"""

from matplotlib.figure import Figure

from reports.figures.curves import amplitudes, convergence, dead_units, overlaid
from reports.figures.errors import digits_lost, error_against_logits, heat_map
from reports.figures.images import confusion, images
from reports.figures.maps import instability_map
from reports.figures.planes import decision_regions
from reports.figures.steps import step_errors
from reports.figures.style import rendered, style, svg

#: `Figure` is here so that other packages need not import matplotlib.
__all__ = [
    "Figure", "amplitudes", "confusion", "convergence", "dead_units", "decision_regions", "digits_lost",
    "error_against_logits", "heat_map", "images", "instability_map", "overlaid", "rendered", "step_errors", "style",
    "svg",
]  # fmt: skip
