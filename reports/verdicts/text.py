"""Foreign text made harmless: nothing that a submission says is interpreted by what shows it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Control characters (ANSI escapes begin with one), formatting ones (bidi overrides among them), halves of surrogate
#: pairs, and the two separators that some readers take for the end of a line.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
#: A GitHub runner obeys lines that begin so, and what stands behind ##[ anywhere in a line.
_COMMAND = re.compile(r"::(?=[A-Za-z-]+[ :])|##(?=\[)")
_MOST = 2000


def visible(text: str) -> str:
    """The text with every character written out that would be interpreted instead of shown; line ends stay."""
    spelled = "".join(character if _shows(character) else _spelled(character) for character in text)
    return _COMMAND.sub(lambda found: f"{found.group()[0]}\\{found.group()[1]}", spelled)


def one_line(text: str, most: int = _MOST) -> str:
    """`visible`, without line ends, and no longer than ``most`` characters."""
    return _cut(visible(text[: most + 1].replace("\r\n", "\n")).replace("\n", r"\n"), most)


def lines_of(text: str, most_lines: int = 40, most: int = _MOST) -> list[str]:
    """`visible` lines, the first of many, each cut; a last one says how many are left out."""
    lines = text[: most_lines * most].splitlines()
    shown = [one_line(line.expandtabs(4), most) for line in lines[:most_lines]]
    left = len(text.splitlines()) - len(shown)
    return [*shown, f"... and {left} more {'line' if left == 1 else 'lines'}"] if left > 0 else shown


def plural(number: int, noun: str) -> str:
    """The number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@lru_cache(4096)
def _shows(character: str) -> bool:
    # The last two code points of each plane are no characters, and XML has no room for them.
    no_character = f"{ord(character):04x}".endswith(("fffe", "ffff"))
    return character == "\n" or not (no_character or unicodedata.category(character) in _INVISIBLE)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
