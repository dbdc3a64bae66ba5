"""Makes foreign text harmless, so that no terminal, browser or CI service interprets what a submission has written."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from reference.wording.report import cut

#: Unicode categories that are not shown: control characters (ANSI escapes begin with one), format characters (such as
#: bidi overrides), lone surrogates, and the two separators that some programs take for the end of a line.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: A GitHub runner obeys a line that begins with ::word, and what follows ##[ anywhere in a line.
_COMMAND = re.compile(r"::(?=[A-Za-z-]+[ :])|##(?=\[)")
#: Characters of a line that are shown.
_MOST = 2000


def visible(text: str) -> str:
    """The text with every character that would be interpreted instead of shown written as an escape; line ends stay."""
    escaped = "".join(character if _is_shown(character) else _escape(character) for character in text)
    return _COMMAND.sub(lambda found: f"{found.group()[0]}\\{found.group()[1]}", escaped)


def one_line(text: str, most: int = _MOST) -> str:
    """The `visible` text on one line, cut after ``most`` characters."""
    return cut(visible(text[: most + 1].replace("\r\n", "\n")).replace("\n", r"\n"), most)


def lines_of(text: str, most_lines: int = 40, most: int = _MOST) -> list[str]:
    """The first ``most_lines`` lines of the `visible` text, each cut after ``most`` characters.

    If there are more, a last line says how many are left out.
    """
    lines = text[: most_lines * most].splitlines()
    shown = [one_line(line.expandtabs(4), most) for line in lines[:most_lines]]
    left = len(text.splitlines()) - len(shown)
    return [*shown, f"... and {left} more {'line' if left == 1 else 'lines'}"] if left > 0 else shown


def plural(number: int, noun: str) -> str:
    """The number with its noun, in the plural unless it is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@lru_cache(4096)
def _is_shown(character: str) -> bool:
    # The last two code points of each plane are no characters, and XML does not allow them.
    no_character = f"{ord(character):04x}".endswith(("fffe", "ffff"))
    return character == "\n" or not (no_character or unicodedata.category(character) in _INVISIBLE)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
