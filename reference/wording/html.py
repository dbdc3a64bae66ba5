"""Findings as HTML for notebooks; every text is escaped, since it may hold what foreign code has said."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

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
