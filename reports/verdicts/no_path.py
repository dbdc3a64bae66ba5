"""The notice that no path was given and `bp` itself was judged.

It stands before and after the report, so that nobody who forgot the path takes the report for one on a submission.
"""

from __future__ import annotations

NOTICE = "no path given: this judged bp itself"


def with_notice(form: str, text: str) -> str:
    """A report with the notice before and after it; a report in a format for programs is returned as it is."""
    if form == "markdown":
        return f"{NOTICE}\n\n{text.rstrip()}\n\n{NOTICE}\n"
    if form == "html":
        return text.replace("<main>", f"<main>\n<p>{NOTICE}</p>", 1).replace("</main>", f"<p>{NOTICE}</p>\n</main>", 1)
    return text
