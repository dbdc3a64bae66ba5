"""Recognizes syntax that a later Python has and this one does not, so that it is not told as a mistake."""

from __future__ import annotations

import re
import sys

#: A pattern for a line that Python cannot parse, and the first version that can. They are tried in this order.
_SINCE = (
    # except ValueError, TypeError: a second name in small letters is Python 2's variable instead.
    (re.compile(r"^\s*except\s+[\w.]+\s*(,\s*[A-Z]\w*\s*)+:"), (3, 14)),
    (re.compile(r"(?<![\w'\"])[tT][rR]?(['\"])"), (3, 14)),
    (re.compile(r"^\s*(class|def|async\s+def)\s+\w+\s*\[[^\]]*=[^\]]*\]"), (3, 13)),
    (re.compile(r"^\s*(class|def|async\s+def)\s+\w+\s*\["), (3, 12)),
    (re.compile(r"^\s*type\s+\w+\s*(\[.*\]\s*)?="), (3, 12)),
    # The quote of an f-string again within its braces, or a backslash there.
    (re.compile(r"(?<!\w)[fF][rR]?(['\"])(?:(?!\1).)*\{[^{}]*(?:\1[^{}]*\1|\\)[^{}]*\}"), (3, 12)),
)


def version_needed(line: str, present: tuple[int, int] = sys.version_info[:2]) -> str | None:
    """The first version of Python that knows the syntax of a line which this one cannot parse; None if it is no such.

    Examples
    --------
    >>> version_needed("type Array = np.ndarray", present=(3, 11))
    '3.12'
    """
    for pattern, since in _SINCE:
        if present < since and pattern.search(line):
            return f"{since[0]}.{since[1]}"
    return None
