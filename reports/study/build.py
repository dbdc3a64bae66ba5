"""Writes the files of the report: the figures, results.json, and the document as HTML and PDF."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import typst

from reports.io.files import write_atomically
from reports.io.jsonfile import write_json
from reports.study.results import Study
from reports.study.sketches import NEEDS

SOURCE = "report.typ"
#: The Typst sources of the document.
SOURCES = (
    SOURCE,
    *("page.typ", "common.typ", "causes.typ", "spoken.typ", "style.typ", "overview.typ"),
    *("derivations.typ", "assignment1.typ", "assignment3.typ", "verification.typ", "efficiency.typ"),
)


def build(study: Study, out: Path) -> list[Path]:
    """Write all files into the folder ``out``, and return the paths of the two documents.

    Raises
    ------
    OSError
        The folder cannot be written.
    typst.TypstError
        The document does not compile, which is a fault in our sources.
    """
    drawn = dict(study.drawn)
    if left := [name for name in NEEDS if name not in drawn]:
        drawn |= _drawn_here(study, left)
    for name, svg in drawn.items():
        write_atomically(out / "figures" / f"{name}.svg", svg)
    write_json(out / "results.json", study.numbers() | {"figures": sorted(drawn)})
    for source in SOURCES:
        write_atomically(out / source, (resources.files("reports.study") / source).read_bytes())
    return [typeset(out, "html"), typeset(out, "pdf")]


def _drawn_here(study: Study, names: list[str]) -> dict[str, bytes]:
    from reports.study.draw import svgs  # noqa: PLC0415 - it imports matplotlib, which is often not needed here

    return svgs(study, names)


def typeset(out: Path, form: Literal["html", "pdf"]) -> Path:
    """Compile report.typ in ``out``, which reads the other files there, and return the path of the document."""
    # PDF/UA-1 has tags, and an alternative text for every figure and formula; Typst refuses a document without them.
    # With the fonts that come with Typst, and no others, the pages are the same on every machine.
    content, warnings = typst.compile_with_warnings(
        out / SOURCE,
        root=out,
        format=form,
        sys_inputs={"form": form},
        ignore_system_fonts=True,
        pdf_standards="ua-1" if form == "pdf" else [],
    )
    unexpected = [warning for warning in warnings if "html export is" not in warning.message]
    if unexpected:
        raise RuntimeError(f"{SOURCE} compiles with warnings: {unexpected}")
    path = out / f"report.{form}"
    write_atomically(path, content)
    return path
