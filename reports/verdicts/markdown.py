"""The judgement as Markdown for a step summary on GitHub."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reference import Judgement
from reports.verdicts.details import capitalized, circumstances, headline, in_full, in_short, own_output
from reports.verdicts.grouping import Class, Method, accepted_failures, by_class, counted, counts_in_words, reasons
from reports.verdicts.text import one_line, plural

#: Bytes that GitHub allows in a step summary.
LIMIT = 2**20
_MARKS = {"passed": "✅", "failed": "❌", "expected": "🟡", "skipped": "⚪", "error": "⚠️"}
_VERDICTS = {"pass": "✅ PASS", "fail": "❌ FAIL", "error": "⚠️ ERROR"}
_MOST_OTHERS = 50
#: Characters that mean nothing in Markdown or HTML.
_HARMLESS = " ,;()-"


def markdown(judgement: Judgement, limit: int = LIMIT) -> str:
    """The judgement in at most ``limit`` bytes of UTF-8; a last line says how many sections did not fit."""
    classes = by_class(judgement.findings)
    sections = [_method(method) for each in classes for method in each.methods if _has_failures(method)]
    return _fitted(_head(judgement, classes), [*_expected(judgement), *sections], _tail(judgement), limit)


def inline(text: str, most: int = 300) -> str:
    """Foreign text as part of a line; every character that Markdown or HTML could interpret is written as an entity."""
    line = one_line(text, most)
    return "".join(c if c.isalnum() or c in _HARMLESS or not c.isascii() else f"&#{ord(c)};" for c in line)


def _head(judgement: Judgement, classes: Sequence[Class]) -> str:
    lines = [
        f"## {_VERDICTS[judgement.verdict]}: <code>{inline(judgement.implementation)}</code>",
        "",
        inline(f"{capitalized(headline(judgement))}: {counts_in_words(counted(judgement.findings))}."),
        "",
        "| | class | passed | failed | failed as expected | not judged | errors of the examiner |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for each in classes:
        numbers = " | ".join(str(number or "") for number in each.counts.values())
        lines.append(f"| {_MARKS[each.status]} | <code>{inline(each.name)}</code> | {numbers} |")
    return "\n".join(lines) + "\n"


def _expected(judgement: Judgement) -> list[str]:
    lines = accepted_failures(judgement.findings)
    more = [f"and {len(lines) - _MOST_OTHERS} more"] if len(lines) > _MOST_OTHERS else []
    return [_pre(["Failed as expected:", *lines[:_MOST_OTHERS], *more])] if lines else []


def _method(method: Method) -> str:
    main, errors = method.main, method.of("error")
    status = "error" if main is None and errors else "failed" if main else "skipped"
    failures = plural(len(method.of("failed")), "check") + " failed" if main else ""
    summary = ", ".join(filter(None, [failures, plural(len(errors), "error") + " of the examiner" if errors else ""]))
    lines = [f"<details><summary>{_MARKS[status]} <code>{inline(method.subject)}</code> {summary}</summary>"]
    if main is not None:
        lines.append(_pre([main.check, in_full(main)]))
        others = [in_short(each) for each in method.others[:_MOST_OTHERS]]
        more = len(method.others) - len(others) + method.repeated
        lines += [_pre(["Also failed, perhaps as a consequence:", *others])] if others else []
        lines += [f"<p>{plural(more, 'further check')} for the same reason.</p>"] if more else []
    if errors:
        lines.append(_pre(["The examiner's own fault, no verdict:", *map(in_short, errors[:_MOST_OTHERS])]))
    skipped = reasons(method.of("skipped"))[:_MOST_OTHERS]
    lines += [_pre(["Not judged:", *skipped])] if skipped else []
    return "\n\n".join([*lines, "</details>"])


def _tail(judgement: Judgement) -> str:
    lines = [f"- {label}: <code>{inline('; '.join(texts), 2000)}</code>" for label, texts in circumstances(judgement)]
    output = own_output(judgement)
    if output:
        summary = "<summary>What the submission itself wrote, which is no part of the verdict</summary>"
        lines += [f"\n<details>{summary}\n", _pre(output), "\n</details>"]
    return "\n".join(lines) + "\n"


def _fitted(head: str, sections: Sequence[str], tail: str, limit: int) -> str:
    """The head, as many whole sections as fit, a line on how many are left out, and the tail."""
    reserve = 200  # bytes for the line on the sections that are left out
    room = limit - reserve - len(head.encode()) - len(tail.encode())
    kept: list[str] = []
    for section in sections:
        room -= len(section.encode()) + 2
        if room < 0:
            break
        kept.append(section)
    left = len(sections) - len(kept)
    if left:
        kept.append(f"**{plural(left, 'more section')} left out: a step summary may have {limit} bytes at most.**")
    return "\n\n".join([head, *kept, tail])


def _pre(lines: Sequence[str]) -> str:
    """Lines as preformatted text.

    An empty line must stand before it. Only then is it a block of its own, which Markdown reads up to ``</pre>`` even
    if there are empty lines in it.
    """
    return f"<pre>{escape(chr(10).join(lines).rstrip())}</pre>"


def _has_failures(method: Method) -> bool:
    """Whether a check of the method failed, or the examiner failed in one."""
    return any(each.status in {"failed", "error"} for each in method.findings)
