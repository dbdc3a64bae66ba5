"""From a judgement to text: one module a format, each a pure function."""

from __future__ import annotations

from collections.abc import Callable

from reference import Judgement
from reports.verdicts.json_ import json
from reports.verdicts.junit import junit
from reports.verdicts.markdown import markdown
from reports.verdicts.terminal import terminal

__all__ = ["FORMATS", "html", "json", "junit", "markdown", "terminal"]


def html(judgement: Judgement) -> str:
    """See `reports.verdicts.page.page`."""
    from reports.verdicts.page import page  # noqa: PLC0415 - drawing takes a second to load, and few ask for it

    return page(judgement)


#: What `bp check` can write, by the name of its option.
FORMATS: dict[str, Callable[[Judgement], str]] = {"json": json, "junit": junit, "markdown": markdown, "html": html}
