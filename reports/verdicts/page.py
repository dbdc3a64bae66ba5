"""The judgement as one HTML page, with its pictures in it: it needs no script and no network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

from reference import Judgement
from reports.verdicts.details import Detail, capitalized, circumstances, details, headline, in_short, own_output
from reports.verdicts.document import document, scrolled
from reports.verdicts.grouping import Class, Method, accepted_failures, by_class, counted, counts_in_words, reasons
from reports.verdicts.pictures import inline, pictures_of
from reports.verdicts.text import one_line, plural

_STATUSES = {"pass": "passed", "fail": "failed", "error": "error"}
_MARKS = {"passed": "✓", "failed": "✗", "expected": "◐", "skipped": "○", "error": "!"}
_COLUMNS = {
    "passed": "passed",
    "failed": "failed",
    "expected": "failed as expected",
    "skipped": "not judged",
    "error": "examiner's errors",
}
_PREFORMATTED = {"for", "script"}


def page(judgement: Judgement) -> str:
    """The source of the page."""
    name = escape(one_line(judgement.implementation, 300))
    classes = by_class(judgement.findings)
    verdict = f'<span class="verdict {_STATUSES[judgement.verdict]}">{judgement.verdict.upper()}</span>'
    return document(
        f"{judgement.verdict.upper()}: {name}",
        [
            f"<h1>{verdict} {name}</h1>",
            f"<p>{escape(capitalized(headline(judgement)))}: {counts_in_words(counted(judgement.findings))}.</p>",
            _table(classes),
            *(_class(each) for each in classes if each.status in {"failed", "error"}),
            *_expected(judgement),
            *_not_judged(classes),
            "<h2>How it was judged</h2>",
            _list(circumstances(judgement)),
            _output(judgement),
        ],
    )


def _table(classes: Sequence[Class]) -> str:
    statuses = [status for status in _COLUMNS if status == "passed" or any(each.counts[status] for each in classes)]
    head = "".join(f'<th scope="col">{name}</th>' for name in ("class", *(_COLUMNS[status] for status in statuses)))
    rows = "".join(_row(each, statuses) for each in classes)
    return scrolled(f"<table>\n<tr>{head}</tr>\n{rows}</table>", "checks of each class")


def _row(group: Class, statuses: Iterable[str]) -> str:
    name = escape(one_line(group.name))
    shown = re.sub(r"(?<=[a-z]{2})(?=[A-Z])", "<wbr>", name)
    link = f'<a href="#{name}">{shown}</a>' if group.status in {"failed", "error"} else shown
    counts = [(status, group.counts[status]) for status in statuses]
    numbers = "".join(f'<td class="{status if number else "dim"}">{number}</td>' for status, number in counts)
    return f"<tr><td>{_mark(group.status)} {link}</td>{numbers}</tr>\n"


def _class(group: Class) -> str:
    name = escape(one_line(group.name))
    shown = [each for each in group.methods if each.main is not None or each.of("error")]
    passed = [each for each in group.methods if {finding.status for finding in each.findings} == {"passed"}]
    right = ", ".join(f"{escape(one_line(each.name))} ({len(each.findings)})" for each in passed)
    line = f"<p>{_mark('passed')} Checks that pass: {right}</p>" if right else ""
    return f'<h2 id="{name}">{_mark(group.status)} {name}</h2>\n{line}\n' + "\n".join(map(_method, shown))


def _method(method: Method) -> str:
    parts = [f"<h3>{escape(one_line(method.subject))}</h3>"]
    main = method.main
    if main is not None:
        parts.append(f'<section class="failure"><p class="dim">{escape(one_line(main.check))}</p>')
        parts.append(_list(details(main)))
        drawn = [inline(each, _anchor(method, n)) for n, each in enumerate(pictures_of(method.of("failed")))]
        parts += [f'<div class="pictures">{"".join(drawn)}</div>'] if drawn else []
        parts.append(_other_failures(method))
        parts.append("</section>")
    parts += [
        f'<p class="error">{_MARKS["error"]} The examiner\'s own fault, no verdict: {escape(in_short(each))}</p>'
        for each in method.of("error")
    ]
    return "\n".join(parts)


def _other_failures(method: Method) -> str:
    parts = [f"<p>{plural(method.repeated, 'further check')} for the same reason.</p>"] if method.repeated else []
    if method.others:
        parts += ["<p>Also failed, perhaps as a consequence:</p>", _bullets(map(in_short, method.others))]
    return "".join(parts)


def _expected(judgement: Judgement) -> list[str]:
    lines = accepted_failures(judgement.findings)
    return ["<h2>Failed as expected</h2>", _bullets(lines)] if lines else []


def _not_judged(classes: Iterable[Class]) -> list[str]:
    skipped = [each for group in classes for method in group.methods for each in method.of("skipped")]
    return ["<h2>Not judged</h2>", _bullets(reasons(skipped))] if skipped else []


def _list(shown: Iterable[Detail]) -> str:
    return f"<dl>{''.join(_entry(*each) for each in shown)}</dl>"


def _entry(label: str, lines: Sequence[str]) -> str:
    if label in _PREFORMATTED:
        text = f"<pre>{escape(chr(10).join(lines))}</pre>"
        if label == "script":
            text = f"<details open><summary>run this to see it</summary>{text}</details>"
    else:
        text = "<br>".join(map(escape, lines))
    return f'<dt>{label}</dt><dd class="{label}">{text}</dd>'


def _output(judgement: Judgement) -> str:
    output = own_output(judgement)
    if not output:
        return ""
    summary = "<summary>What the submission itself wrote, which is no part of the verdict</summary>"
    return f"<details>{summary}<pre>{escape(chr(10).join(output))}</pre></details>"


def _bullets(lines: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _mark(status: str) -> str:
    return f'<span class="{status}">{_MARKS[status]}</span>'


def _anchor(method: Method, number: int) -> str:
    return f"{method.subject.replace('.', '-')}-{number}"
