"""Findings as HTML for notebooks; every text is escaped, since it may hold what foreign code has said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from reference.wording.report import cut

#: Rows of a table, and characters of what came.
_MOST_ROWS, _MOST_SHOWN = 20, 200
_COLOURS = {"passed": "#1a7f37", "failed": "#b3261e", "error": "#b3261e", "skipped": "#6e6e6e"}


def finding(check: str, status: str, promise: str, facts: Iterable[tuple[str, str]], script: str | None) -> str:
    """One finding: its check and status, the promise, the labelled facts, and the script that shows it."""
    colour = _COLOURS.get(status, _COLOURS["skipped"])
    rows = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{escape(label)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for label, text in facts
    )
    shown = f"<pre>{escape(script)}</pre>" if script else ""
    heading = f'<p><b><code>{escape(check)}</code> <span style="color:{colour}">{escape(status)}</span></b><br>'
    return f"{heading}{escape(promise)}</p><table>{rows}</table>{shown}"


def line(text: str) -> str:
    """A text that stands alone."""
    return f"<p>{escape(text)}</p>"


def summary(counts: str, rows: Sequence[tuple[str, str, str, str]]) -> str:
    """The counts, and a table with a row for each check that did not pass: its id, status, subject and what came."""
    cells = "".join(
        f'<tr><td style="text-align:left"><code>{escape(check)}</code></td>'
        f'<td style="color:{_COLOURS.get(status, _COLOURS["skipped"])}">{escape(status)}</td>'
        f'<td style="text-align:left">{escape(subject)}</td>'
        f'<td style="text-align:left">{escape(cut(came, _MOST_SHOWN))}</td></tr>'
        for check, status, subject, came in rows[:_MOST_ROWS]
    )
    more = line(f"and {len(rows) - _MOST_ROWS} more") if len(rows) > _MOST_ROWS else ""
    return line(counts) + (f"<table>{cells}</table>{more}" if rows else "")


def entries(evidence: Any) -> str:
    """A picture of the entries of an array: those that rounding does not explain are red, and say what was due.

    Parameters
    ----------
    evidence
        Of a failure: a `reference.findings.Evidence`.
    """
    rows = list(_rows(evidence.actual, evidence.expected, evidence.allowed))
    cells = "".join(f"<tr>{''.join(_cell(*entry) for entry in row)}</tr>" for row in rows)
    return f"<p><code>{escape(evidence.name)}</code>, wrong entries in red:</p><table>{cells}</table>"


def _rows(actual: Any, expected: Any, allowed: Any) -> Iterator[list[tuple[float, float, float]]]:
    """The entries by rows: along the last axis, whatever the others."""
    if not isinstance(actual, list):
        yield [(actual, expected, allowed)]
    elif actual and isinstance(actual[0], list):
        for parts in zip(actual, expected, allowed, strict=True):
            yield from _rows(*parts)
    else:
        yield list(zip(actual, expected, allowed, strict=True))


def _cell(actual: float, expected: float, allowed: float) -> str:
    # A NaN is as wrong as it can be; and an error that is not known shows nothing.
    wrong = not abs(actual - expected) <= allowed and not math.isnan(allowed)
    colour = _COLOURS["failed"] if wrong else _COLOURS["passed"]
    title = escape(f"expected {expected!r}, got {actual!r}")
    style = f"background:{colour};color:white;text-align:right"
    return f'<td title="{title}" style="{style}">{actual:.3g}</td>'
