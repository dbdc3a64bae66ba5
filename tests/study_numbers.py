"""The numbers in the text of the report: which of them are results, and which have been typed by hand."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from reports.study.build import typeset
from tests.study import SMALL

#: Numbers that are no results: of the assignment, of IEEE 754, of the text's own reasoning; a year, ln 2, ln 3.
CONSTANTS = {"2021", "0.6931", "1.098612", "0", "1", "2", "3", "5", "10", "25", "90", "2.0", "709.8", "88.72"}


#: Numbers of the derivations, which tests/test_derivations.py checks.
DERIVED = {"1.25", "67530", "750", "709.78", "512", "1024"}


def numbers_that_stay(report: Path) -> list[str]:
    """The numbers of the text that do not change when results.json changes, although it is no setting or constant."""
    place = report / "results.json"
    results = json.loads(place.read_text())
    settings: set[str] = set()
    before = _words(typeset(report, "html").read_text())
    place.write_text(json.dumps(_changed(results, settings)))
    after = _words(typeset(report, "html").read_text())
    place.write_text(json.dumps(results))
    same = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    stayed = [word for block in same for word in before[block.a : block.a + block.size] if word[0].isdigit()]
    return [number for number in stayed if number not in CONSTANTS | DERIVED | settings]


#: What decides how an experiment is run, by which the text finds its results.
_SETTINGS = {"settings", "dtype", "input_scale", "alpha", "epoch", "good", "band", "rise", "images"}
_LATER = 7


def _changed(value: Any, settings: set[str], key: str = "") -> Any:
    """The results with another number in each place; a list is longer, so that a later epoch is there as well.

    The numbers that stay are added to ``settings``.
    """
    if key in _SETTINGS or isinstance(value, str | bool | None):
        settings |= set(spellings(value, key))
        return value
    if isinstance(value, dict):
        settings |= {number for name in value for number in re.findall(r"\d+(?:\.\d+)?", name)}
        return {name: _changed(item, settings, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_changed(item, settings, key) for item in value + value[-1:] * _LATER]
    return value + _LATER if isinstance(value, int) else 7.3 * value


def _words(page: str) -> list[str]:
    """The words and numbers of the running text, without tables: where there are many numbers, some stay by chance."""
    page = re.sub(r"<table.*?</table>", " ", page, flags=re.DOTALL)
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)*(?![\w])|[^\W\d]+", _text(page))


def numbers_of(page: str) -> list[str]:
    """The numbers in the running text, without those of figures, tables, sections and formulas."""
    return re.findall(r"(?<![\w.])\d+(?:\.\d+)*(?![\w])", _text(page))


def _text(page: str) -> str:
    """The running text, without the numbers of figures, tables, sections and formulas."""
    quoted = r"<section class=\"references\">.*?</section>|<a href=\"#source-.*?</a>|<nav.*?</nav>"
    text = re.sub(
        rf"<style>.*?</style>|<math.*?</math>|<h[1-6].*?</h[1-6]>|<code>.*?</code>|{quoted}", " ", page, flags=re.DOTALL
    )
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    text = re.sub(r"(Figure|Table|Section)\s+[\d.]+\d|(Figure|Table|Section)\s+\d+", " ", text)
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)


def spellings(value: Any, key: str = "") -> Iterator[str]:
    """Every way in which the document may write a number of results.json.

    Of a curve these are the first and the last number, and the one where the shorter MNIST run ended.
    """
    if key in {"loss_train", "acc_train", "loss_test", "acc_test"} and isinstance(value, list):
        value = [value[place] for place in (0, SMALL.unstable_epochs, len(value) - 1) if 0 <= place < len(value)]
    if isinstance(value, dict):
        for name, item in value.items():
            yield from re.findall(r"\d+(?:\.\d+)?", name)
            yield from spellings(item, name)
    elif isinstance(value, list):
        yield str(len(value))
        for item in value if key not in _ONLY_DRAWN else ():
            yield from spellings(item, key)
    elif isinstance(value, str):
        yield from re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d{3}\b)", "", value))
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, float):
        yield f"{abs(value):g}"
        yield from (f"{abs(value):.{places}f}" for places in (1, 2, 3, 4, 6))
        if 0 < value < 1:
            yield f"{math.log10(value):.1f}".lstrip("-")
        yield from (f"{100 * value:.{places}f}" for places in (0, 1, 2, 4))


#: Curves and tables that are shown in figures alone.
_ONLY_DRAWN = {
    "errors",
    "steps",
    "dead_share",
    "amplitude",
    "naive",
    "usual stable",
    "ours",
    "PyTorch",
    *("Linear_1", "Linear_2", "Linear_3", "Linear_4", "Linear_5", "Linear_OUT"),
    "class_probability",
    "confusion",
}
