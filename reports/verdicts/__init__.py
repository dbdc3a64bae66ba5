"""Shows what the examiner found about one submission: one module for each format, each a pure function of a judgement.

``terminal``, ``json_``, ``junit``, ``markdown`` and ``page`` are the formats. They share ``grouping`` (which findings
belong together), ``details`` (what is said of a finding), ``arrays`` and ``text`` (how values and foreign text are
shown) and ``pictures``. ``settings`` holds how a submission is judged, ``expectations`` which failures are accepted,
and ``no_path`` the notice that no path was given.
"""

from __future__ import annotations

from collections.abc import Callable

from reference import Judgement
from reports.verdicts.json_ import json
from reports.verdicts.junit import junit
from reports.verdicts.markdown import markdown
from reports.verdicts.terminal import terminal

__all__ = ["FORMATS", "html", "json", "junit", "markdown", "terminal"]


def html(judgement: Judgement) -> str:
    """The judgement as one HTML page; see `reports.verdicts.page.page`."""
    from reports.verdicts.page import page  # noqa: PLC0415 - matplotlib takes a second to load, and few want a page

    return page(judgement)


#: The formats that `bp check` can write, by the name of the option.
FORMATS: dict[str, Callable[[Judgement], str]] = {"json": json, "junit": junit, "markdown": markdown, "html": html}
