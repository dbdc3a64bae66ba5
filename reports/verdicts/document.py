"""What all pages on verdicts have in common: the head, the style, and what a browser may run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources


def scrolled(table: str, label: str) -> str:
    """A table in a frame of its own, which mouse, finger and keyboard can scroll where the table is wider."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">{table}</div>'


def document(title: str, parts: Iterable[str], *, style: str = "", script: str = "") -> str:
    """The source of a page that needs no network.

    The browser loads nothing, and runs ``script`` alone, even if some text of a submission should ever get past the
    escaping.

    Parameters
    ----------
    title
        Of the page, escaped.
    parts
        The elements of its main part.
    style, script
        What the page has besides the common style; empty for nothing.
    """
    common = (resources.files("reports.verdicts") / "page.css").read_text(encoding="utf-8")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    if script:
        policy += f"; script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    ending = f"</main>\n<script>{script}</script>" if script else "</main>"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>\n{common}{style}</style>\n</head>\n<body>\n<main>",
            *parts,
            f"{ending}\n</body>\n</html>\n",
        ]
    )
