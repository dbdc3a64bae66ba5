"""What is said first and last where no path was given: a path that was forgotten must not look like a pass."""

from __future__ import annotations

LINE = "no path given: this judged bp itself"


def framed(form: str, text: str) -> str:
    """A report with the line before and behind it, if it is of a form that people read; any other as it is."""
    if form == "markdown":
        return f"{LINE}\n\n{text.rstrip()}\n\n{LINE}\n"
    if form == "html":
        return text.replace("<main>", f"<main>\n<p>{LINE}</p>", 1).replace("</main>", f"<p>{LINE}</p>\n</main>", 1)
    return text
