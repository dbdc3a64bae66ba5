"""The page on a whole course: how many pass, which checks fail for how many, and a table that can be sorted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import fsum
from urllib.parse import quote

from reports.course.entry import Entry
from reports.course.summary import checks_to_show, circumstances, in_words, totals
from reports.verdicts.document import document, scrolled
from reports.verdicts.points import Scheme, in_numbers
from reports.verdicts.text import one_line, plural

#: Sorts the table by the column whose heading is pressed; numbers are compared as such, and again turns the order over.
_SCRIPT = """
for (const button of document.querySelectorAll("th button")) button.addEventListener("click", () => {
  const head = button.closest("th"), body = head.closest("table").tBodies[0], column = head.cellIndex;
  const down = head.getAttribute("aria-sort") === "ascending";
  const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const compare = (a, b) => key(a).localeCompare(key(b), undefined, {numeric: true, sensitivity: "base"});
  for (const each of head.parentNode.cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  body.append(...[...body.rows].sort((a, b) => down ? compare(b, a) : compare(a, b)));
});
"""
_STYLE = """
table { width: 100%; } th, td { vertical-align: baseline; } td.bar { width: 25%; min-width: 4rem; }
.bar div { height: 0.9em; background: var(--failed); opacity: 0.7; }
.bar.right div { background: var(--passed); } th button { all: unset; cursor: pointer; }
th button:focus-visible { outline: 2px solid; } th[aria-sort=ascending] button::after { content: " ▲"; }
th[aria-sort=descending] button::after { content: " ▼"; } td:last-child, th:last-child { text-align: left; }
th[scope=row]:not(:has(a)) { font-weight: normal; } th:has(a) { min-width: 7rem; overflow-wrap: anywhere; }
td:last-child:not(.bar) { min-width: 9rem; overflow-wrap: anywhere; } thead + tbody td:last-child { min-width: 15rem; }
@media (max-width: 30rem) { td.bar:not(:last-child), th:empty:not(:last-child) { display: none; } }
"""
#: The class of the style sheet for each verdict.
_STYLES = {"pass": "passed", "fail": "failed", "not judged": "skipped", "error": "error"}
#: The verdicts that give no points, not even 0.
_WITHOUT_POINTS = {"not judged", "error"}
#: Intervals of the share of checks that hold, in per cent.
_STEP, _ALL = 10, 100


def page(entries: Sequence[Entry], links: Mapping[str, str], scheme: Scheme | None = None) -> str:
    """The source of the page.

    Parameters
    ----------
    entries
        One for each submission.
    links
        By the submission's name: the name of the file with its own page, beside this one, where there is one.
    scheme
        The points; None if there are none.
    """
    return document(
        plural(len(entries), "submission"),
        [
            f"<h1>{escape(totals(entries))}</h1>",
            *(f'<p class="dim">{escape(line)}</p>' for line in circumstances(entries)),
            *_failing(entries),
            *_distribution(entries),
            *([] if scheme is None else _distribution_of_points(entries, scheme)),
            "<h2>Submissions</h2>",
            _table(entries, links, scheme),
        ],
        style=_STYLE,
        script=_SCRIPT,
    )


def _failing(entries: Sequence[Entry]) -> list[str]:
    """Which checks fail for how many, the most frequent first."""
    rows = [
        f'<tr><th scope="row"><code>{_breakable(check)}</code></th><td>{number}</td>{_bar(number, len(entries))}'
        f"<td>{escape(mistakes)}</td></tr>"
        for check, number, mistakes in checks_to_show(entries)
    ]
    return _section("Checks that fail", ("check", "fails for", "", "mistakes"), rows)


def _breakable(check: str) -> str:
    """The id of a check, which a narrow page may break between its words."""
    return re.sub(r"([._])", r"\1<wbr>", escape(check))


def _distribution(entries: Sequence[Entry]) -> list[str]:
    """How many submissions keep which share of the checks."""
    shares = [share for each in entries if (share := share_of(each)) is not None]
    if not shares:
        return []
    rows = []
    for low in range(_ALL, -1, -_STEP):
        number = sum(low <= share < low + _STEP for share in shares)
        words = "all" if low == _ALL else f"{low} to {low + _STEP} %"
        rows.append(f'<tr><th scope="row">{words}</th><td>{number}</td>{_bar(number, len(entries), right=True)}</tr>')
    return _section("Checks that hold, of those judged", ("share", "submissions", ""), rows)


def _distribution_of_points(entries: Sequence[Entry], scheme: Scheme) -> list[str]:
    """How many submissions have how many points, in tenths of the whole."""
    points = [scheme.total(each.passed) for each in entries if each.verdict not in _WITHOUT_POINTS]
    if not points:
        return []
    rows = []
    for tenth in range(_STEP, -1, -1):
        low, high = scheme.most * tenth / _STEP, scheme.most * (tenth + 1) / _STEP
        number = sum(low <= each < high for each in points)
        words = in_numbers(low) if tenth == _STEP else f"{in_numbers(low)} to {in_numbers(high)}"
        rows.append(f'<tr><th scope="row">{words}</th><td>{number}</td>{_bar(number, len(entries), right=True)}</tr>')
    title = f"Points, of {in_numbers(scheme.most)}; {in_numbers(fsum(points) / len(points))} on average"
    return _section(title, ("points", "submissions", ""), rows)


def share_of(entry: Entry) -> float | None:
    """The per cent of the judged checks that a submission passes; None if none was judged."""
    judged = entry.counts["passed"] + entry.counts["failed"]
    return _ALL * entry.counts["passed"] / judged if judged else None


def _section(title: str, columns: Iterable[str], rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    head = "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "\n".join(rows)
    return [f"<h2>{title}</h2>", scrolled(f"<table>\n<tr>{head}</tr>\n{body}\n</table>", title)]


def _bar(number: int, every: int, *, right: bool = False) -> str:
    """A cell with a bar as long as the share of ``number``; its number stands beside it."""
    kind = "bar right" if right else "bar"
    return f'<td class="{kind}" aria-hidden="true"><div style="width: {100 * number / every:.1f}%"></div></td>'


def _table(entries: Sequence[Entry], links: Mapping[str, str], scheme: Scheme | None) -> str:
    columns: tuple[str, ...] = ("submission", "verdict", "passed", "failed", "not judged", "seconds", "in words")
    if scheme is not None:
        columns = (*columns[:2], "points", *columns[2:])
    head = "".join(f'<th scope="col"><button type="button">{name}</button></th>' for name in columns)
    rows = "\n".join(_row(each, links.get(each.name), scheme) for each in entries)
    return scrolled(f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>", "submissions")


def _cell_of_points(points: float | None) -> str:
    """A cell with the points. Its key for sorting has all decimal places, which a browser compares as a number."""
    return "<td></td>" if points is None else f'<td data-key="{points:.2f}">{in_numbers(points)}</td>'


def _row(entry: Entry, link: str | None, scheme: Scheme | None) -> str:
    name = escape(one_line(entry.name, 200))
    shown = name if link is None else f'<a href="{escape(quote(link), quote=True)}">{name}</a>'
    numbers = "".join(f"<td>{entry.counts[status]}</td>" for status in ("passed", "failed", "skipped"))
    if scheme is not None:
        points = None if entry.verdict in _WITHOUT_POINTS else scheme.total(entry.passed)
        numbers = f"{_cell_of_points(points)}{numbers}"
    return (
        f'<tr><th scope="row">{shown}</th><td class="{_STYLES[entry.verdict]}">{entry.verdict}</td>{numbers}'
        f"<td>{entry.seconds:.1f}</td><td>{escape(in_words(entry))}</td></tr>"
    )
