"""Which pictures of a failure are worth drawing, and what they show in words for those who cannot see them."""

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

#: Fewer entries are seen at a glance as numbers.
_FEWEST = 4
_MATRIX = 2


@dataclass(frozen=True)
class Picture:
    """A drawing, and its text in two lengths."""

    figure: Figure
    caption: str
    alternative: str


def pictures_of(failures: Sequence[Finding]) -> Iterator[Picture]:
    """Those of the failures of one method, where there is something to see."""
    evidence = [each.evidence for each in failures if each.evidence is not None]
    yield from _first(evidence)
    points = sorted({point for each in evidence for point in each.trend})
    if _tells(points):
        wrong = [size for size, error, allowed in points if not error <= allowed]
        yield Picture(
            figures.error_against_logits(points),
            "Error against the size of the logits: below the dashed line is what rounding explains.",
            f"Of {len(points)} questions with logits up to {points[-1][0]:.3g} in size, {len(wrong)} got a wrong "
            f"answer; the smallest of these has a logit of size {min(wrong):.4g}.",
        )


def inline(picture: Picture, prefix: str) -> str:
    """The drawing as an element for HTML; ids begin with ``prefix``, as one page has several drawings."""
    source = figures.svg(picture.figure).decode("utf-8")
    drawing = re.sub(r"<metadata>.*?</metadata>", "", source[source.index("<svg") :], flags=re.DOTALL)
    drawing = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}-", drawing)
    label = f'<svg role="img" aria-label="{escape(picture.alternative)}"'
    return f"<figure>{drawing.replace('<svg', label, 1)}<figcaption>{escape(picture.caption)}</figcaption></figure>"


def _first(evidence: Sequence[Evidence]) -> Iterator[Picture]:
    for each in evidence:
        actual, expected, allowed = (_matrix(array) for array in (each.actual, each.expected, each.allowed))
        if actual.ndim == _MATRIX and actual.size >= _FEWEST:
            with np.errstate(invalid="ignore", over="ignore"):
                wrong = ~((np.abs(actual - expected) <= allowed) | (actual == expected))
            limit = float(np.abs(expected[np.isfinite(expected)]).max(initial=0)) or 1.0
            count, shape = f"{wrong.sum()} of {wrong.size} entries are wrong", f"{len(actual)} x {actual.shape[1]}"
            yield Picture(
                figures.heat_map(actual, limit, wrong),
                f"{each.name} as it came, for another, larger question than the one above where there was one; "
                f"{count}, with a frame.",
                f"Heat map of {each.name} as it came, {shape}: {count}.",
            )
            due = f"{each.name} as it was due, on the same scale."
            yield Picture(figures.heat_map(expected, limit), due, f"Heat map of {each.name} as it was due, {shape}.")
            return


def _matrix(nested: Any) -> NDArray[np.float64]:
    array = np.asarray(nested, dtype=np.float64)
    return array[None] if array.ndim == 1 else array


def _tells(points: Sequence[tuple[float, float, float]]) -> bool:
    """Whether some answers are right and others wrong, over a range of sizes."""
    right = [error <= allowed for _, error, allowed in points]
    return any(right) and not all(right) and points[-1][0] > 2 * points[0][0] > 0
