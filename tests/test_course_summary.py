"""The summary of a course says in every format who passed, who failed and why, and real parsers can read it."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from rich.console import Console

from reports.course import page, summary
from reports.course.entry import Entry, entry_of, problem_of
from tests.judgements import BATCH_WIDE, COMMAND, FORBIDDEN, SUMMED, Tags, judged, rendered, strictly

pytestmark = pytest.mark.outside


def course_of_four() -> list[Entry]:
    return [
        entry_of("anna", judged()),
        entry_of("bert", judged(BATCH_WIDE)),
        entry_of("=cmd()\x1b[31m|[red]", judged(BATCH_WIDE, SUMMED)),
        problem_of("dora", "the sandbox cannot do its work: \n::error::x", 60.0),
    ]


def test_entries_can_be_stored() -> None:
    """An entry survives being stored as JSON."""
    for entry in course_of_four():
        assert Entry.from_dict(json.loads(json.dumps(entry.as_dict()))) == entry


def test_summary_says_who_and_what() -> None:
    """The summary lists the checks that fail with their counts, each submission, the slowest, and the totals."""
    stream = io.StringIO()
    summary.terminal(course_of_four(), Console(file=stream, width=60))
    text = stream.getvalue()
    assert "     2  softmax.forward.far_samples  batch-wide-shift (2)\n" in text
    assert "     1  linear.grad.values  not-averaged (1)\n" in text
    counts = r"\d+ passed, \d+ failed, \d+ not judged"
    assert re.search(rf"FAIL  bert +1\.2 s  {counts}; first SoftmaxLayer.forward: batch-wide-shift\n", text)
    assert re.search(r"ERROR dora +60\.0 s  the sandbox cannot do its work", text)
    assert "slowest  dora 60.0 s" in text
    assert "4 submissions: 1 pass, 2 fail, 1 without a verdict" in text
    assert not FORBIDDEN.search(text)
    assert not COMMAND.search(text)


def test_summary_shows_a_missing_class_once() -> None:
    """A missing class is one line of the summary; if all are missing, the table gives the reason."""
    everything = ("nobody", judged(only="relu.*", gone="ReLULayer"))
    entries = [
        entry_of("anna", judged(gone="LinearLayer")),
        entry_of(*everything),
        entry_of("bert", judged(SUMMED, only="linear.*")),
    ]
    stream = io.StringIO()
    summary.terminal(entries, Console(file=stream, width=100))
    text = stream.getvalue()
    assert "     1  LinearLayer is missing\n" in text
    assert "     1  ReLULayer is missing\n" in text
    assert "     1  linear.grad.values  not-averaged (1)\n" in text
    assert "relu.forward.values" not in text
    rows = strictly(summary.FORMATS["json"](entries))["submissions"]
    assert [row["problem"] for row in rows] == [None, "there is no class ReLULayer in mlp.py", None]
    assert all(Entry.from_dict(json.loads(json.dumps(each.as_dict()))) == each for each in entries)


def test_tables_are_read_back() -> None:
    """The tables have a row for each submission, and no cell that a spreadsheet takes for a formula."""
    entries = course_of_four()
    rows = list(csv.DictReader(io.StringIO(summary.FORMATS["csv"](entries))))
    assert [row["verdict"] for row in rows] == ["pass", "fail", "fail", "error"]
    assert rows[1]["first_failed"] == "SoftmaxLayer.forward"
    assert rows[2]["name"] == r"'=cmd()\x1b[31m|[red]"
    table = strictly(summary.FORMATS["json"](entries))
    assert [row["name"] for row in table["submissions"]] == [entry.name for entry in entries]
    assert {"id": "softmax.forward.far_samples", "failed": 2} in table["checks"]
    page = rendered(summary.FORMATS["markdown"](entries))
    assert Tags.of(page).unbalanced == []
    assert page.count("<tr>") == 1 + len(table["checks"]) + 1 + len(entries)
    assert len(summary.as_markdown(entries * 1000, 10_000).encode()) <= 10_000


def test_page_links_what_was_judged_and_runs_only_its_own_script() -> None:
    """The page has a row for each submission with its verdict, links those with a page, and escapes what is foreign."""
    links = {"bert": "bert & co.html"}
    source = page.page(course_of_four(), links)
    tags = Tags.of(source)
    assert tags.unbalanced == []
    assert [value for name, value in tags.attributes if name == "href"] == ["bert%20%26%20co.html"]
    assert tags.opened.count("script") == 1
    assert not FORBIDDEN.search(source)
    for entry in course_of_four():
        assert entry.verdict in tags.text
    assert "=cmd()" in tags.text
    assert "linear.grad.values" in tags.text
    assert "1 pass, 2 fail, 1 without a verdict" in tags.text


def test_page_counts_who_keeps_which_share() -> None:
    """The distribution counts each judged submission once, by the share of its checks that hold."""

    def entry(passed: int, failed: int) -> Entry:
        counts = {"passed": passed, "failed": failed, "skipped": 7, "error": 0}
        return Entry("x", "fail" if failed else "pass", counts)

    source = page.page([entry(5, 0), entry(1, 1), entry(59, 41), entry(0, 9), entry(0, 0)], {})
    rows = dict(re.findall(r'<tr><th scope="row">([a-z0-9 %]+)</th><td>(\d)</td>', source))
    assert {name: int(number) for name, number in rows.items() if number != "0"} == {
        "all": 1,
        "50 to 60 %": 2,
        "0 to 10 %": 1,
    }
    assert len(rows) == 11
    assert page.share_of(entry(0, 0)) is None
