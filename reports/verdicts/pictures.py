"""Chooses the pictures that are drawn of a failure, and describes each in words for people who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import Finding
from reference.findings import Evidence
from reports import figures
from reports.figures import Figure

#: An array with fewer entries is easier to read as numbers than as a picture.
_FEWEST = 4
_MATRIX_AXES = 2


@dataclass(frozen=True)
class Picture:
    """A figure, the caption below it, and its description for people who cannot see it."""

    figure: Figure
    caption: str
    description: str


def pictures_of(failures: Sequence[Finding]) -> Iterator[Picture]:
    """The pictures of the failures of one method, if there is something to see."""
    evidence = [each.evidence for each in failures if each.evidence is not None]
    yield from _heat_maps(evidence)
    points = sorted({point for each in evidence for point in each.trend})
    if _depends_on_size(points):
        wrong = [size for size, error, allowed in points if not error <= allowed]
        yield Picture(
            figures.error_against_logits(points),
            "Error against the size of the logits. Errors below the dashed line are explained by rounding.",
            f"Of {len(points)} cases with logits up to {points[-1][0]:.3g} in size, {len(wrong)} have a wrong result; "
            f"in the smallest of these the largest logit has size {min(wrong):.4g}.",
        )


def inline(picture: Picture, prefix: str) -> str:
    """The picture as an HTML element; its ids begin with ``prefix``, so that several pictures fit on one page."""
    source = figures.svg(picture.figure).decode("utf-8")
    drawing = re.sub(r"<metadata>.*?</metadata>", "", source[source.index("<svg") :], flags=re.DOTALL)
    drawing = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}-", drawing)
    label = f'<svg role="img" aria-label="{escape(picture.description)}"'
    return f"<figure>{drawing.replace('<svg', label, 1)}<figcaption>{escape(picture.caption)}</figcaption></figure>"


def _heat_maps(evidence: Sequence[Evidence]) -> Iterator[Picture]:
    """What came and what was expected, of the first failure whose arrays are large enough."""
    for each in evidence:
        actual, expected, allowed = (_matrix(array) for array in (each.actual, each.expected, each.allowed))
        if actual.ndim == _MATRIX_AXES and actual.size >= _FEWEST:
            with np.errstate(invalid="ignore", over="ignore"):
                wrong = ~((np.abs(actual - expected) <= allowed) | (actual == expected))
            limit = float(np.abs(expected[np.isfinite(expected)]).max(initial=0)) or 1.0
            count, shape = f"{wrong.sum()} of {wrong.size} entries are wrong", f"{len(actual)} x {actual.shape[1]}"
            yield Picture(
                figures.heat_map(actual, limit, wrong),
                f"{each.name} as it came; {count} and have a frame. The case may be larger than the one shown above.",
                f"Heat map of {each.name} as it came, {shape}: {count}.",
            )
            caption = f"{each.name} as expected, on the same scale."
            yield Picture(figures.heat_map(expected, limit), caption, f"Heat map of {each.name} as expected, {shape}.")
            return


def _matrix(nested: Any) -> NDArray[np.float64]:
    array = np.asarray(nested, dtype=np.float64)
    return array[None] if array.ndim == 1 else array


def _depends_on_size(points: Sequence[tuple[float, float, float]]) -> bool:
    """Whether some cases are right and others wrong, and their logits are of different sizes."""
    right = [error <= allowed for _, error, allowed in points]
    return any(right) and not all(right) and points[-1][0] > 2 * points[0][0] > 0
