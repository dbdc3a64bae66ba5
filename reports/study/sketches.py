"""Names the figures of the document and the parts that each needs, so that one can be drawn once its parts are there.

Drawing takes seconds. So it is done by a process that has nothing else to do, while another still works.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial

from reports.io.progress import Display
from reports.study import instability, seeds
from reports.study.part import Part, PartResult
from reports.study.results import Study
from reports.study.submission_runs import PREFIX as THEIRS

#: The name of the work that draws figures, which is no part of results.json.
NAME = "figures"
_SPIRALS = ("spirals-0.2", "spirals-1", "spirals-5")
#: For each figure the names of the parts that it shows; an asterisk stands for anything.
NEEDS: dict[str, tuple[str, ...]] = {
    "xor": ("xor", "xor-long"),
    "xor-regions": ("xor", "xor-long"),
    "spirals": (*_SPIRALS, seeds.NAME),
    "regions": _SPIRALS,
    "dead": _SPIRALS,
    "samples": ("mnist",),
    "mnist": ("mnist",),
    "amplitude": ("mnist",),
    "confusion": ("mnist",),
    "mistakes": ("mnist",),
    "instability": (f"{instability.PREFIX}*",),
    "digits": ("saturation",),
    "steps": ("steps",),
}


def needed(name: str, planned: Sequence[str]) -> list[str]:
    """The planned parts that a figure shows, runs of a submission among them."""
    patterns = [*NEEDS[name], *(THEIRS + each for each in NEEDS[name])]
    return [part for part in planned if any(fnmatchcase(part, pattern) for pattern in patterns)]


class Sketches:
    """The figures that are not drawn yet.

    Parameters
    ----------
    planned
        The names of all parts of the report.
    found
        The results that are there, or why there is none, by the name of the part. It grows while parts are done.
    """

    def __init__(self, planned: Sequence[str], found: Mapping[str, PartResult | str]) -> None:
        self._found = found
        self._left = {name: parts for name in NEEDS if (parts := needed(name, planned))}

    def ready(self, most: int) -> Part | None:
        """The work to draw up to so many figures whose parts have succeeded; None if none is ready.

        Nothing is returned twice. Its record has the content of the SVG files by the names of the figures, as text.
        """
        there = {name: result for name, result in self._found.items() if isinstance(result, PartResult)}
        names = [name for name, parts in self._left.items() if there.keys() >= set(parts)][:most]
        if not names:
            return None
        shown = {part: there[part] for name in names for part in self._left.pop(name)}
        return Part(NAME, {}, partial(_drawn, names, shown), place="beside")


def _drawn(names: Sequence[str], results: Mapping[str, PartResult], display: Display) -> PartResult:
    # Only a process that draws needs matplotlib.
    from reports.study.draw import svgs  # noqa: PLC0415

    return PartResult({name: content.decode() for name, content in svgs(Study(results), names).items()})
