"""From results to the files of the report: figures, results.json, and the document as HTML and PDF."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

import typst

from reports import figures
from reports.figures import Figure
from reports.files import write_atomically
from reports.jsonfile import write_json
from reports.results import ALPHAS, Results

SOURCE = "report.typ"


def build(results: Results, out: Path) -> list[Path]:
    """Write everything into ``out`` and return the two documents.

    Raises
    ------
    OSError
        The folder cannot be written.
    typst.TypstError
        The document does not compile, which is a fault of ours.
    """
    for name, figure in draw(results).items():
        write_atomically(out / "figures" / f"{name}.svg", figures.svg(figure))
    write_json(out / "results.json", results.numbers)
    write_atomically(out / SOURCE, (resources.files("reports") / SOURCE).read_bytes())
    return [typeset(out, "html"), typeset(out, "pdf")]


def draw(results: Results) -> dict[str, Figure]:
    """Every figure of the document, by the name of its file."""
    runs = results.outcomes
    spirals = {f"alpha = {alpha:g}": runs[f"spirals-{alpha:g}"] for alpha in ALPHAS}
    X_train, T_train, _, _ = results.spirals
    saturation = results.numbers["saturation"]
    digits = {} if saturation["missing"] else {"digits": figures.digits_lost(saturation)}
    return digits | {
        "xor": figures.convergence({"XOR": runs["xor"].history}),
        "spirals": figures.convergence({title: outcome.history for title, outcome in spirals.items()}),
        "regions": figures.decision_regions(
            {title: outcome.net for title, outcome in spirals.items()}, X_train, T_train
        ),
        "mnist": figures.convergence({"MNIST": runs["mnist"].history}),
        "amplitude": figures.amplitudes(runs["mnist"].history),
    }


def typeset(out: Path, form: Literal["html", "pdf"]) -> Path:
    """Compile ``out``/report.typ, which reads results.json and the figures beside it."""
    # Only the fonts that come with Typst: the same pages on every machine.
    content, warnings = typst.compile_with_warnings(
        out / SOURCE, root=out, format=form, sys_inputs={"form": form}, ignore_system_fonts=True
    )
    unexpected = [warning for warning in warnings if "html export is" not in warning.message]
    if unexpected:
        raise RuntimeError(f"{SOURCE} compiles with warnings: {unexpected}")
    path = out / f"report.{form}"
    write_atomically(path, content)
    return path
