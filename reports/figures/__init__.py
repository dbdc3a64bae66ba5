"""The report's figures: pure functions from numbers to figures. The only package that knows matplotlib."""

from matplotlib.figure import Figure

from reports.figures.curves import amplitudes, convergence, dead_units
from reports.figures.errors import digits_lost, error_against_logits, heat_map
from reports.figures.images import confusion, images
from reports.figures.maps import instability_map
from reports.figures.planes import decision_regions
from reports.figures.steps import step_errors
from reports.figures.style import style, svg

#: Figure too, so that nobody else needs to import matplotlib.
__all__ = [
    "Figure", "amplitudes", "confusion", "convergence", "dead_units", "decision_regions", "digits_lost",
    "error_against_logits", "heat_map", "images", "instability_map", "step_errors", "style", "svg",
]  # fmt: skip
